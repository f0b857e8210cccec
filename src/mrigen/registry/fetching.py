"""The files of a registered version: in the store's folder, or downloaded from its server."""

import os
import re
import shutil
import tempfile
from pathlib import Path
from urllib.parse import SplitResult, urlsplit
from urllib.request import url2pathname

from mrigen.atomic import atomic_folder
from mrigen.bundle import CARD, CONFIG, WEIGHTS, bundle_digest
from mrigen.errors import ModelError, RegistryError
from mrigen.registry.inspection import BUNDLE, check_listing
from mrigen.registry.lookup import RegisteredVersion
from mrigen.tracking.tracker import ARTIFACTS, Tracker

_WEIGHTS = f"{BUNDLE}/{WEIGHTS}"
_FOLDERS = {"", "artifacts", BUNDLE}

# What may stand between "//" and the path. Addresses with anything else in them are read in
# different ways by different parts of MLflow, which would ask hosts that were not looked at.
_HOST = re.compile(r"(?:[a-z0-9._-]+|\[[0-9a-f:.]+\])(?::[0-9]{1,5})?")
_BUCKET = re.compile(r"[a-z0-9._-]+")
_AZURE = re.compile(
    r"[a-z0-9$-]+@[a-z0-9-]+\.(?:blob|dfs)\.core\."
    r"(?:windows\.net|chinacloudapi\.cn|usgovcloudapi\.net)"
)
_STORAGE = {"s3": _BUCKET, "gs": _BUCKET, "wasbs": _AZURE, "abfss": _AZURE}
_PORTS = {"http": 80, "https": 443}


def local_folder(tracker: Tracker, uri: str) -> Path | None:
    """Return the folder on this machine that `uri` names; None if it is elsewhere."""
    parts = urlsplit(uri)
    if parts.scheme not in {"", "file"}:
        return None
    recorded = Path(url2pathname(parts.path))
    # MLflow records absolute paths. A project that was moved, copied or mounted elsewhere has
    # the same files below its own folder.
    folder = tracker.address.folder
    if folder is not None and ARTIFACTS in recorded.parts:
        last = len(recorded.parts) - 1 - recorded.parts[::-1].index(ARTIFACTS)
        moved = folder.joinpath(*recorded.parts[last:])
        if moved.exists():
            return moved
    return recorded


def download(tracker: Tracker, version: RegisteredVersion, uri: str, root: Path) -> None:
    """Fetch the registered folder of a version to the empty folder `root`.

    Weights that the cache has are taken from there.

    Raises
    ------
    RegistryError
        If the folder is listed with files that mrigen does not write, or is at another host than
        the store.
    """
    from mlflow.artifacts import download_artifacts

    _check_host(tracker, version, uri)
    sizes = _list_remote(tracker, uri)
    check_listing(version, sizes)
    cached = cache_folder() / str(version.digest)
    for name in sizes:
        target = root / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if name == _WEIGHTS and _holds(cached, version.digest):
            shutil.copyfile(cached / WEIGHTS, target)
        else:
            download_artifacts(
                f"{uri}/{name}", dst_path=str(target.parent), tracking_uri=tracker.address.uri
            )


def keep(root: Path, digest: str) -> tuple[Path, bool]:
    """Copy the bundle of a registered folder that has been checked to where it lasts.

    Returns
    -------
    Path, bool
        The bundle's folder, in the user's cache; where that cannot be written, a temporary one,
        and True: whoever asked has to remove it.
    """
    cached = cache_folder() / digest
    fresh = root / BUNDLE
    try:
        if not _holds(cached, digest) or _bytes(cached / CARD) != _bytes(fresh / CARD):
            with atomic_folder(cached) as folder:
                _copy(fresh, folder)
    except OSError:  # a home that is not there, is read-only or full
        folder = Path(tempfile.mkdtemp(prefix="mrigen-bundle-"))
        _copy(fresh, folder)
        return folder, True
    return cached, False


def cache_folder() -> Path:
    """Return where downloaded bundles are kept, each under its digest."""
    home = os.environ.get("XDG_CACHE_HOME")
    return (Path(home) if home else _home() / ".cache") / "mrigen" / "bundles"


def _home() -> Path:
    try:
        return Path.home()
    except RuntimeError:  # a user without an entry, as containers have them
        return Path("/nonexistent")


def _holds(folder: Path, digest: str | None) -> bool:
    # Whatever lies in the cache is looked at again: others may write there.
    try:
        return bundle_digest(folder) == digest
    except ModelError:
        return False


def _bytes(path: Path) -> bytes | None:
    return path.read_bytes() if path.is_file() else None


def _copy(bundle: Path, folder: Path) -> None:
    for name in (WEIGHTS, CONFIG, CARD):
        shutil.copyfile(bundle / name, folder / name)


def _check_host(tracker: Tracker, version: RegisteredVersion, uri: str) -> None:
    # A registry can name any address. Those of the store's own server and of object storage are
    # fetched; a request, with the password of the store, to whatever else its writers think of is
    # not made.
    parts = urlsplit(uri)
    if not uri.isprintable() or not (_is_storage(parts) or _is_own(parts, tracker.address.uri)):
        host = parts.netloc.rpartition("@")[2]  # before it may be a password
        where = f"{parts.scheme}://{host}"[:80]
        raise RegistryError(
            f"the files of {version} are at {where!a}: expected "
            "the store's own server or object storage. Register the model again."
        )


def _is_storage(parts: SplitResult) -> bool:
    pattern = _STORAGE.get(parts.scheme)
    return pattern is not None and pattern.fullmatch(parts.netloc.lower()) is not None


def _is_own(parts: SplitResult, address: str) -> bool:
    store = urlsplit(address)
    if parts.scheme == "mlflow-artifacts":
        if not parts.netloc:
            return True
    elif parts.scheme != store.scheme:
        return False
    if not _HOST.fullmatch(parts.netloc.lower()):
        return False
    usual = _PORTS.get(store.scheme)
    return (parts.hostname, parts.port or usual) == (store.hostname, store.port or usual)


def _list_remote(tracker: Tracker, uri: str) -> dict[str, int]:
    from mlflow.artifacts import list_artifacts

    sizes: dict[str, int] = {}
    folders = [""]
    while folders:
        folder = folders.pop()
        found = list_artifacts(f"{uri}/{folder}".rstrip("/"), tracking_uri=tracker.address.uri)
        for one in found:
            name = "/".join(filter(None, (folder, Path(one.path).name)))
            if one.is_dir and name in _FOLDERS:
                folders.append(name)
            elif one.is_dir:
                sizes[f"{name}/"] = 0  # it is not looked into, and refused
            else:
                sizes[name] = int(one.file_size or 0)
    return sizes
