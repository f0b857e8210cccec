"""Registered bundles by name, version and alias, with their files at hand and checked."""

import dataclasses
import shutil
import tempfile
import weakref
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from mrigen.bundle import Bundle, load_bundle
from mrigen.errors import MrigenError, RegistryError
from mrigen.registry.fetching import download, keep, local_folder
from mrigen.registry.inspection import (
    BUNDLE,
    check_files,
    check_listing,
    check_tag,
    list_folder,
)
from mrigen.registry.lookup import RegisteredVersion, champion_versions, find_version
from mrigen.tracking.refusals import tracking_errors
from mrigen.tracking.tracker import Tracker


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
    files
        SHA-256 of every file that was written when it was registered.
    metrics
        Of its evaluation.
    """

    name: str
    version: int
    aliases: tuple[str, ...]
    digest: str
    path: Path
    card: dict[str, object]
    files: Mapping[str, str] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)

    def load(self, device: str = "cpu") -> Bundle:
        """Build the network.

        Raises
        ------
        ModelError
            If the bundle does not fit this version of mrigen.
        RegistryError
            If the files have changed since they were checked.
        """
        bundle = load_bundle(self.path, device)
        if bundle.digest != self.digest:
            raise RegistryError(
                f"the files of model '{self.name}' version {self.version} changed while they were "
                "loaded: restore them or register the model again."
            )
        return bundle


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
    return fetch(tracker, find_version(tracker, reference))


def champions(tracker: Tracker) -> list[RegisteredBundle]:
    """Return every champion that is a bundle of mrigen, in the order of their names.

    Raises
    ------
    RegistryError
        If the files of one are not those that were registered.
    TrackingError
        If the store cannot be read.
    """
    found = champion_versions(tracker)
    return [fetch(tracker, version) for version in found if version.digest is not None]


def fetch(tracker: Tracker, version: RegisteredVersion) -> RegisteredBundle:
    """Bring the files of a version here and check them.

    Raises
    ------
    RegistryError
        If it is not a bundle of mrigen, or its files are not those that were registered.
    TrackingError
        If the store cannot be read.
    """
    digest = check_tag(version)
    with tracking_errors(tracker.address), _faults_of(version):
        uri = version.source.rstrip("/")
        root = local_folder(tracker, uri)
        if root is not None:
            return _checked(version, root)
        with tempfile.TemporaryDirectory(prefix="mrigen-") as temporary:
            root = Path(temporary)
            download(tracker, version, uri, root)
            checked = _checked(version, root)
            path, mine = keep(root, digest)
    bundle = dataclasses.replace(checked, path=path)
    if mine:
        weakref.finalize(bundle, shutil.rmtree, path, ignore_errors=True)
    return bundle


@contextmanager
def _faults_of(version: RegisteredVersion) -> Iterator[None]:
    from mlflow.exceptions import MlflowException

    try:
        yield
    except (MrigenError, MlflowException, OSError):
        raise
    # MLflow stumbles in many ways over an address that others wrote, such as one that needs a
    # package which is not installed. That concerns this version, and not the store.
    except Exception as error:
        reason = error.msg if isinstance(error, ImportError) else type(error).__name__
        raise RegistryError(
            f"the files of {version} cannot be fetched ({reason}): register the model again."
        ) from error


def _checked(version: RegisteredVersion, root: Path) -> RegisteredBundle:
    check_listing(version, list_folder(version, root))
    card, files = check_files(version, root)
    return RegisteredBundle(
        version.name,
        version.version,
        version.aliases,
        check_tag(version),
        root / BUNDLE,
        card,
        files,
        version.metrics,
    )
