"""From the registry to networks that can be served."""

import logging

from mrigen.models.build import count_configured
from mrigen.registry.lookup import RegisteredVersion, find_version
from mrigen.registry.versions import RegisteredBundle, fetch
from mrigen.serving.served import ServedModel
from mrigen.tracking.tracker import Tracker

_log = logging.getLogger(__name__)


def load_served(tracker: Tracker, reference: str, device: str = "cpu") -> ServedModel:
    """Find a registered model, check it and load it.

    Parameters
    ----------
    tracker
        The MLflow store.
    reference
        NAME@ALIAS, NAME/VERSION, or NAME for the champion.
    device
        A torch device.

    Raises
    ------
    ModelError
        If the bundle does not fit this version of mrigen.
    RegistryError
        If there is no such model, or its files are not those that were registered.
    TrackingError
        If the store cannot be read.
    """
    return load_version(tracker, find_version(tracker, reference), device)


def load_version(tracker: Tracker, version: RegisteredVersion, device: str = "cpu") -> ServedModel:
    """Check the files of a version and load it.

    Raises
    ------
    ModelError
        If the bundle does not fit this version of mrigen.
    RegistryError
        If its files are not those that were registered.
    TrackingError
        If the store cannot be read.
    """
    bundle = fetch(tracker, version)
    if version.files is None:
        _log.info(
            "The card of %s is not checked: it was registered by an earlier mrigen. Run 'mrigen "
            "register' to record it.",
            version,
        )
    return served(bundle, device)


def served(bundle: RegisteredBundle, device: str = "cpu") -> ServedModel:
    """Load a registered bundle under its name in the registry.

    Raises
    ------
    ModelError
        If the bundle does not fit this version of mrigen.
    RegistryError
        If its files have changed since they were checked.
    """
    loaded = bundle.load(device)
    return ServedModel(
        name=bundle.name,
        version=bundle.version,
        aliases=bundle.aliases,
        digest=bundle.digest,
        image_size=loaded.config.image_size,
        network=loaded.model,
        parameters=count_configured(loaded.config.network, loaded.config.image_size)[0],
        card=bundle.card,
        device=device,
        metrics=bundle.metrics,
    )
