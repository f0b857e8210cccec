"""Which devices the workers of a study compute on."""

import torch

from mrigen.errors import ConfigError
from mrigen.stages.own_process import KilledError, answer_from_own_process
from mrigen.training.runtime import Precision, choose_runtime


def find_devices(device: str, precision: Precision) -> tuple[str, ...]:
    """Return the devices that workers take in turn, after a look at whether they can be used.

    Parameters
    ----------
    device
        As `choose_runtime` takes it; "auto" and "cuda" stand for all GPUs there are.
    precision
        Arithmetic of the networks.

    Raises
    ------
    ConfigError
        If a device cannot be used, or has no such precision.
    """
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    if device == "cpu":
        choose_runtime(device=device, precision=precision)
        return (device,)
    # In a process of its own: what a look takes of a GPU's memory is not given back before the
    # process ends.
    try:
        return answer_from_own_process(_looked_at, (device, precision))
    except KilledError as error:
        raise ConfigError(f"device '{device}' cannot be used here: {error}.") from None


def _looked_at(asked: tuple[str, Precision]) -> tuple[str, ...]:
    device, precision = asked
    names = [device]
    if device == "cuda":
        names = [f"cuda:{number}" for number in range(torch.cuda.device_count())] or names
    for name in names:
        choose_runtime(device=name, precision=precision)
    return tuple(names)
