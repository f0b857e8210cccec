"""The file that a training goes on from as if it had never stopped."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from mrigen.atomic import atomic_file
from mrigen.errors import ModelError
from mrigen.training.divergence import require_finite
from mrigen.training.state import TrainState

Extra = dict[str, Any]


def save_state(state: TrainState, path: Path, extra: Extra) -> None:
    """Write the whole state to one safetensors file, atomically.

    Parameters
    ----------
    extra
        Anything JSON can hold that the caller wants back.

    Raises
    ------
    DivergenceError
        If a loss or a weight is not finite: what lies at `path` is left as it is.
    """
    state.losses.look()
    weights = _prefixed("network", state.network.state_dict())
    for phase in state.objective.phases:
        if phase.extra is not None:
            weights |= _prefixed(f"extra.{phase.name}", phase.extra.state_dict())
    for place, average in enumerate(state.averages):
        weights |= _prefixed(f"average.{place}", average.network.state_dict())
    require_finite(weights, state.step)
    tensors = weights | _prefixed("sums", state.sums) | {"random.cpu": torch.get_rng_state()}
    if state.device.type == "cuda":
        tensors["random.cuda"] = torch.cuda.get_rng_state(state.device)
    groups = {}
    for name, optimizer in state.optimizers.items():
        values = optimizer.state_dict()
        groups[name] = values["param_groups"]
        for number, slots in values["state"].items():
            tensors |= _prefixed(f"optimizer.{name}.{number}", slots)
    header = {
        "step": state.step,
        "rate_scale": state.rate_scale,
        "counts": state.counts,
        "groups": groups,
        "extra": extra,
    }
    with atomic_file(path) as temporary:
        save_file(plain_copies(tensors), temporary, metadata={"state": json.dumps(header)})


def plain_copies(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Copy tensors to the CPU in plain order, each to memory of its own.

    Safetensors takes neither shared nor channels-last memory, and a GPU may have no room for a
    second state.
    """
    return {
        name: tensor.detach().to("cpu", copy=True).contiguous() for name, tensor in tensors.items()
    }


def save_weights(tensors: Mapping[str, Tensor], path: Path) -> None:
    """Write what `plain_copies` returned to a safetensors file, atomically."""
    with atomic_file(path) as temporary:
        save_file(dict(tensors), temporary)


def load_weights(network: nn.Module, path: Path) -> None:
    """Give a network the weights that `save_weights` wrote.

    Raises
    ------
    ModelError
        If the file is missing or damaged, or belongs to another network.
    """
    try:
        network.load_state_dict(load_file(path))
    except (SafetensorError, OSError, RuntimeError) as error:
        reason = " ".join(str(error).split())
        raise ModelError(
            f"the weights '{path}' cannot be used ({reason}): delete the checkpoint beside them "
            "to start anew."
        ) from None


def read_extra(path: Path) -> tuple[int, Extra]:
    """Return a checkpoint's step, and what the caller of `save_state` asked to be kept.

    Raises
    ------
    ModelError
        If the file is damaged.
    """
    header, _ = _read(path, tensors=False)
    return header["step"], header["extra"]


def load_state(state: TrainState, path: Path) -> None:
    """Bring `state`, and torch's random generators, to where `save_state` left them.

    Raises
    ------
    ModelError
        If the file is damaged or belongs to another network.
    """
    header, tensors = _read(path, tensors=True)
    try:
        state.network.load_state_dict(_part(tensors, "network"))
        for phase in state.objective.phases:
            if phase.extra is not None:
                phase.extra.load_state_dict(_part(tensors, f"extra.{phase.name}"))
        for place, average in enumerate(state.averages):
            average.network.load_state_dict(_part(tensors, f"average.{place}"))
        for name, optimizer in state.optimizers.items():
            slots: dict[int, dict[str, Tensor]] = {}
            for key, tensor in _part(tensors, f"optimizer.{name}").items():
                number, _, slot = key.partition(".")
                slots.setdefault(int(number), {})[slot] = tensor
            optimizer.load_state_dict({"state": slots, "param_groups": header["groups"][name]})
            _lay_out_as_parameters(optimizer)
        torch.set_rng_state(tensors["random.cpu"])
        if state.device.type == "cuda":
            torch.cuda.set_rng_state(tensors["random.cuda"], state.device)
    except (KeyError, ValueError, RuntimeError) as error:
        reason = " ".join(str(error).split())
        raise ModelError(
            f"checkpoint '{path}' does not fit this network ({reason}): delete it to start anew."
        ) from None
    state.step, state.counts = header["step"], header["counts"]
    state.rate_scale = header["rate_scale"]
    sums = _part(tensors, "sums")
    state.sums = {name: sums[name] for name in state.counts}  # in the order of the curves


def _read(path: Path, *, tensors: bool) -> tuple[dict[str, Any], dict[str, Tensor]]:
    try:
        with safe_open(path, framework="pt") as file:
            header: dict[str, Any] = json.loads(file.metadata()["state"])
            names = file.keys() if tensors else ()
            return header, {name: file.get_tensor(name) for name in names}
    except (SafetensorError, OSError, KeyError, TypeError, ValueError) as error:
        raise ModelError(
            f"checkpoint '{path}' cannot be read ({error}): delete it to start anew."
        ) from None


def _lay_out_as_parameters(optimizer: torch.optim.Optimizer) -> None:
    # A fused optimiser walks parameter and state side by side in memory.
    for parameter, slots in optimizer.state.items():
        for name, tensor in slots.items():
            if tensor.shape == parameter.shape:
                slots[name] = torch.empty_like(parameter).copy_(tensor)


def _prefixed(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {f"{prefix}.{name}": tensor for name, tensor in tensors.items()}


def _part(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    start = f"{prefix}."
    return {name.removeprefix(start): t for name, t in tensors.items() if name.startswith(start)}
