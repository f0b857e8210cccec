"""What a registered folder may hold before anything in it is loaded.

A registry is written by many, and MLflow runs what it finds: pickles, and Python files. Only the
flavour that mrigen writes is taken, with no file but those that it writes.
"""

import json
import re
from collections.abc import Mapping
from hashlib import file_digest
from itertools import islice
from pathlib import Path

from mrigen.bundle import CARD, CONFIG, MOST_BYTES, WEIGHTS, bundle_digest, read_card
from mrigen.config import PlainLoader, read_yaml
from mrigen.errors import ConfigError, ModelError, RegistryError, printable
from mrigen.registry.lookup import DIGEST_TAG, NAME, RegisteredVersion

MODEL_CARD = "model_card.md"
BUNDLE = "artifacts/bundle"

_MLMODEL, _CODE = "MLmodel", "pyfunc_model.py"
_WEIGHTS = f"{BUNDLE}/{WEIGHTS}"
_LOADER = "mlflow.pyfunc.loaders.code_model"
_SMALL = 2**20
_MOST_BYTES = {_WEIGHTS: MOST_BYTES[WEIGHTS], f"{BUNDLE}/{CONFIG}": MOST_BYTES[CONFIG]}
_MOST_BYTES |= {_MLMODEL: 2**16}  # it is of some thousand, and YAML takes long to read
_MOST_ENTRIES = 64  # files and folders of a registered folder
# Text for people and what MLflow writes when it downloads: they come later and are never read.
_UNRECORDED = {MODEL_CARD, "registered_model_meta"}
_RECORDED = {
    *(_MLMODEL, _CODE, "requirements.txt", "conda.yaml", "python_env.yaml"),
    *(f"{BUNDLE}/{name}" for name in (WEIGHTS, CONFIG, CARD)),
}
# Of the pyfunc_model.py of versions from before digests of files were recorded.
_EARLIER_CODE = {"eaf7bc15f973b8c51d9f37a794e5c5335c5f3127c0e0a777d93187752352c29e"}


def check_tag(version: RegisteredVersion) -> str:
    """Return the digest that a version was registered with.

    Raises
    ------
    RegistryError
        If it has none, as another tool registered it.
    """
    if not re.fullmatch(NAME, version.name):
        raise RegistryError(
            f"{version} has a name that mrigen gives to no model: expected letters, digits, '_', "
            "'.' and '-'. Register it with 'mrigen register'."
        )
    digest = version.digest
    if digest is None:
        raise RegistryError(
            f"{version} was not registered by mrigen (no tag '{DIGEST_TAG}'): name another one."
        )
    if not re.fullmatch(r"[0-9a-f]{64}", digest):
        raise RegistryError(
            f"{version} has the tag '{DIGEST_TAG}' {digest[:80]!r}: expected 64 hexadecimal "
            "digits. Register it again."
        )
    return digest


def check_listing(version: RegisteredVersion, sizes: Mapping[str, int]) -> None:
    """Check the names and sizes of a registered folder's files.

    Parameters
    ----------
    version
        What is registered.
    sizes
        Bytes of every file by its path in the folder.

    Raises
    ------
    RegistryError
        If there is a file that mrigen does not write, or one is too large.
    """
    unknown = sorted(set(sizes) - _RECORDED - _UNRECORDED)
    if unknown:
        raise RegistryError(
            f"{version} holds '{printable(unknown[0])[:120]}', which mrigen does not write and "
            "will not load: register the model with 'mrigen register'."
        )
    for name, size in sizes.items():
        most = _MOST_BYTES.get(name, _SMALL)
        if size > most:
            raise RegistryError(
                f"{version} has '{name}' of {size} bytes: expected at most {most}. Register the "
                "model again."
            )


def list_folder(version: RegisteredVersion, root: Path) -> dict[str, int]:
    """Return the bytes of every file below `root` by its path there.

    Raises
    ------
    RegistryError
        If a link leads out of the folder, there is something that is no ordinary file, or there is
        far too much.
    """
    found: dict[str, int] = {}
    home = root.resolve()
    entries = list(islice(root.rglob("*"), _MOST_ENTRIES + 1))  # it may be a whole disk
    if len(entries) > _MOST_ENTRIES:
        raise RegistryError(
            f"{version} has more than {_MOST_ENTRIES} files and folders: expected those that "
            "mrigen writes. Register the model again."
        )
    for path in sorted(entries):
        name = path.relative_to(root).as_posix()
        told = printable(name)[:120]
        if not path.resolve().is_relative_to(home):
            raise RegistryError(
                f"{version} has the link '{told}', which leads out of its folder: register the "
                "model again."
            )
        if path.is_file():
            found[name] = path.stat().st_size
        elif not path.is_dir() or path.is_symlink():
            raise RegistryError(
                f"{version} has '{told}', which is no ordinary file: register the model again."
            )
    return found


def check_files(version: RegisteredVersion, root: Path) -> tuple[dict[str, object], dict[str, str]]:
    """Check the contents of a registered folder whose listing has been checked.

    Returns
    -------
    dict, dict
        The bundle's card, and what `file_digests` gives for the folder.

    Raises
    ------
    RegistryError
        Naming the file that is not what was registered.
    """
    digest = check_tag(version)
    try:
        _check_flavour(version, read_yaml(root / _MLMODEL, PlainLoader), digest)
        found = bundle_digest(root / BUNDLE)
        card = read_card(root / BUNDLE)
        digests = file_digests(root)
    except (ConfigError, ModelError, OSError) as error:
        raise RegistryError(f"{version}: {error}") from None
    if found != digest:
        raise RegistryError(
            f"the files of {version} at '{root / BUNDLE}' are not those that were registered "
            f"(digest {found[:12]}, expected {digest[:12]}): restore them or register the model "
            "again."
        )
    _check_digests(version, digests)
    return card, digests


def file_digests(root: Path) -> dict[str, str]:
    """Return the SHA-256 of the files of a registered folder that never change, by their paths."""
    digests = {}
    for name in sorted(_RECORDED):
        if (root / name).is_file():
            with (root / name).open("rb") as file:
                digests[name] = file_digest(file, "sha256").hexdigest()
    return digests


def _check_flavour(version: RegisteredVersion, described: object, digest: str) -> None:
    values = described if isinstance(described, dict) else {}
    flavors = values.get("flavors")
    named = flavors if isinstance(flavors, dict) else {}
    own = named.get("python_function")
    if not isinstance(own, dict) or len(named) > 1:
        raise RegistryError(
            f"{version} has the MLflow flavours {', '.join(map(str, named))[:80]!a}: expected "
            "'python_function' alone. Register it with 'mrigen register'."
        )
    loader = own.get("loader_module")
    if loader != _LOADER or own.get("python_model") or own.get("code"):
        raise RegistryError(
            f"{version} is a model that MLflow loads with {str(loader)[:80]!a}: "
            f"expected the file '{_CODE}' of mrigen and no pickle. Register it with 'mrigen "
            "register'."
        )
    metadata = values.get("metadata")
    tagged = metadata.get(DIGEST_TAG) if isinstance(metadata, dict) else None
    if tagged != digest:
        raise RegistryError(
            f"{version} has an '{_MLMODEL}' of another bundle ({str(tagged)[:12]!a}, expected "
            f"{digest[:12]}): register the model again."
        )


def _check_digests(version: RegisteredVersion, found: Mapping[str, str]) -> None:
    if version.files is None:
        if found.get(_CODE) not in _EARLIER_CODE:
            raise RegistryError(
                f"{version} has a '{_CODE}' that mrigen did not write: register the model again."
            )
        return
    recorded = _recorded(version.files)
    for name in sorted(recorded.keys() | found.keys()):
        if found.get(name) != recorded.get(name):
            raise RegistryError(
                f"'{name[:80]}' of {version} is not the file that was registered: restore it or "
                "register the model again."
            )


def _recorded(tag: str) -> dict[str, object]:
    try:
        values = json.loads(tag)
    except (ValueError, RecursionError):
        values = None
    # What cannot be read records nothing, so that every file differs from it.
    return values if isinstance(values, dict) else {}
