"""Finding registered bundles by name, version and alias, and checking their files."""

import os
import re
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from urllib.request import url2pathname

from mrigen.atomic import atomic_folder
from mrigen.bundle import CARD, CONFIG, WEIGHTS, Bundle, bundle_digest, load_bundle, read_card
from mrigen.errors import ModelError, RegistryError
from mrigen.tracking.refusals import tracking_errors
from mrigen.tracking.tracker import ARTIFACTS, Tracker

if TYPE_CHECKING:
    from mlflow.entities.model_registry import ModelVersion

CANDIDATE, CHAMPION = "candidate", "champion"
DIGEST_TAG = "mrigen.bundle"
NAME = r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}"

_REFERENCE = re.compile(rf"({NAME})(?:@([A-Za-z0-9_.-]+)|/([0-9]{{1,9}}))?")


@dataclass(frozen=True)
class RegisteredBundle:
    """One version of a registered model, its files at hand and checked.

    Attributes
    ----------
    name, version
        What the registry calls it.
    aliases
        Such as `candidate` and `champion`.
    digest
        The bundle's identity, which is also that of the files at `path`.
    path
        The bundle folder.
    card
        Data, code and licence behind the weights.
    """

    name: str
    version: int
    aliases: tuple[str, ...]
    digest: str
    path: Path
    card: dict[str, object]

    def load(self, device: str = "cpu") -> Bundle:
        """Build the network.

        Raises
        ------
        ModelError
            If the bundle does not fit this version of mrigen.
        """
        return load_bundle(self.path, device)


def resolve(tracker: Tracker, reference: str) -> RegisteredBundle:
    """Find a registered bundle and check its files.

    Parameters
    ----------
    tracker
        The MLflow store.
    reference
        `name@alias`, `name/version`, or `name` for the champion.

    Raises
    ------
    RegistryError
        If there is no such model, version or alias, listing those there are, or if it is not a
        bundle of mrigen, or its files are not those that were registered.
    TrackingError
        If the store cannot be read.
    """
    match = _REFERENCE.fullmatch(reference)
    if match is None:
        raise RegistryError(
            f"'{reference}' does not name a registered model: expected NAME@ALIAS, NAME/VERSION "
            "or NAME, such as 'vae@champion'."
        )
    name, alias, number = match.groups()
    with tracking_errors(tracker.address):
        aliases = aliases_of(tracker, name)
        wanted = int(number) if number else aliases.get(alias or CHAMPION)
        versions = {int(one.version): one for one in versions_of(tracker, name)}
        if wanted not in versions:
            asked = f"version {number}" if number else f"alias '{alias or CHAMPION}'"
            raise RegistryError(_missing(tracker, name, asked, versions, aliases))
        return _fetch(tracker, versions[wanted], aliases)


def champions(tracker: Tracker) -> list[RegisteredBundle]:
    """Return every champion that is a bundle of mrigen, in the order of their names.

    Raises
    ------
    RegistryError
        If the files of one are not those that were registered.
    TrackingError
        If the store cannot be read.
    """
    with tracking_errors(tracker.address):
        found = []
        for name in _names(tracker):
            aliases = aliases_of(tracker, name)
            if CHAMPION not in aliases:
                continue
            version = tracker.client.get_model_version(name, str(aliases[CHAMPION]))
            if DIGEST_TAG in version.tags:
                found.append(_fetch(tracker, version, aliases))
        return found


def _names(tracker: Tracker) -> list[str]:
    names: list[str] = []
    token: str | None = None
    while True:
        page = tracker.client.search_registered_models(page_token=token, order_by=["name ASC"])
        names += [model.name for model in page]
        token = page.token
        if not token:
            return names


def versions_of(tracker: Tracker, name: str) -> "list[ModelVersion]":
    """Return every version of a model as MLflow has it; none if there is no such model."""
    found: list[ModelVersion] = []
    token: str | None = None
    while True:
        page = tracker.client.search_model_versions(f"name='{name}'", page_token=token)
        found += page
        token = page.token
        if not token:
            return found


def aliases_of(tracker: Tracker, name: str) -> dict[str, int]:
    """Return the version each alias of a model stands for; none if there is no such model."""
    from mlflow.exceptions import MlflowException

    try:
        model = tracker.client.get_registered_model(name)
    except MlflowException as error:
        if error.error_code == "RESOURCE_DOES_NOT_EXIST":
            return {}
        raise
    return {alias: int(number) for alias, number in model.aliases.items()}


def _missing(
    tracker: Tracker,
    name: str,
    asked: str,
    versions: Mapping[int, object],
    aliases: Mapping[str, int],
) -> str:
    if not versions:
        known = ", ".join(f"'{one}'" for one in _names(tracker)) or "none yet"
        return (
            f"no model '{name}' is registered in {tracker.address}: there is {known}. "
            f"Run 'mrigen register {name}'."
        )
    numbers = ", ".join(str(one) for one in sorted(versions))
    names = ", ".join(f"'{one}' (version {at})" for one, at in sorted(aliases.items())) or "none"
    return (
        f"model '{name}' has no {asked}: its versions are {numbers}, its aliases {names}. "
        f"Name one of them, such as '{name}/{max(versions)}'."
    )


def _fetch(
    tracker: Tracker, version: "ModelVersion", aliases: Mapping[str, int]
) -> RegisteredBundle:
    digest = version.tags.get(DIGEST_TAG)
    label = f"model '{version.name}' version {version.version}"
    if digest is None:
        raise RegistryError(
            f"{label} was not registered by mrigen (no tag '{DIGEST_TAG}'): name another one."
        )
    path = _bundle_path(tracker, version, digest)
    try:
        found = bundle_digest(path)
        card = read_card(path)
    except ModelError as error:
        raise RegistryError(f"{label}: {error}") from None
    if found != digest:
        raise RegistryError(
            f"the files of {label} at '{path}' are not those that were registered (digest "
            f"{found[:12]}, expected {digest[:12]}): restore them or register the model again."
        )
    number = int(version.version)
    names = tuple(sorted(alias for alias, at in aliases.items() if at == number))
    return RegisteredBundle(version.name, number, names, digest, path, card)


def _bundle_path(tracker: Tracker, version: "ModelVersion", digest: str) -> Path:
    if not re.fullmatch(r"[0-9a-f]{64}", digest):
        raise RegistryError(
            f"model '{version.name}' version {version.version} has the tag '{DIGEST_TAG}' "
            f"{digest[:80]!r}: expected 64 hexadecimal digits. Register it again."
        )
    source = tracker.client.get_model_version_download_uri(version.name, version.version)
    uri = f"{source.rstrip('/')}/artifacts/bundle"
    if urlsplit(uri).scheme == "file":
        return _local_path(tracker, Path(url2pathname(urlsplit(uri).path)))
    return _download(tracker, uri, version)


def _local_path(tracker: Tracker, recorded: Path) -> Path:
    # MLflow records absolute paths. A project that was moved, copied or mounted elsewhere has
    # the same files below its own folder.
    folder = tracker.address.folder
    if folder is not None and ARTIFACTS in recorded.parts:
        last = len(recorded.parts) - 1 - recorded.parts[::-1].index(ARTIFACTS)
        moved = folder.joinpath(*recorded.parts[last:])
        if moved.exists():
            return moved
    return recorded


def _download(tracker: Tracker, uri: str, version: "ModelVersion") -> Path:
    """Keep remote bundles in a cache under their digest: they never change."""
    from mlflow.artifacts import download_artifacts

    digest = version.tags[DIGEST_TAG]
    home = os.environ.get("XDG_CACHE_HOME")
    cached = (Path(home) if home else Path.home() / ".cache") / "mrigen" / "bundles" / digest
    if not cached.exists():
        with tempfile.TemporaryDirectory() as temporary:
            got = download_artifacts(uri, dst_path=temporary, tracking_uri=tracker.address.uri)
            with atomic_folder(cached) as folder:
                for name in (WEIGHTS, CONFIG, CARD):
                    (folder / name).write_bytes((Path(got) / name).read_bytes())
                found = bundle_digest(folder)
                if found != digest:  # before it gets its name: the cache is not looked at again
                    raise RegistryError(
                        f"the files that {tracker.address} sent for model '{version.name}' version "
                        f"{version.version} are not those that were registered (digest "
                        f"{found[:12]}, expected {digest[:12]}): try again, or register the model "
                        "again."
                    )
    return cached
