"""From the words of the command line to what is served."""

from collections.abc import Mapping
from typing import Any

from mrigen.serving.engine.cores import lanes_for
from mrigen.serving.settings import MEBIBYTE, ServingSettings
from mrigen.stages.serving.serve import Service
from mrigen.training.runtime import choose_runtime

_LIMITS = ("places", "max_count", "requests_per_minute")


def service_of(words: Mapping[str, Any]) -> Service:
    """Return what a command line asks for.

    Raises
    ------
    ConfigError
        If torch cannot use the device here.
    """
    others = dict(words)
    device = choose_runtime(device=others.pop("device")).device
    lanes = others.pop("lanes") or lanes_for(device.type)
    settings = ServingSettings(
        lanes=min(lanes, 256),
        max_upload_bytes=others.pop("max_upload_mb") * MEBIBYTE,
        **{name: others.pop(name) for name in _LIMITS},
    )
    return Service(device=str(device), settings=settings, **others)
