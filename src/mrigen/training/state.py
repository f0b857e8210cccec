"""Everything a run needs to go on as if it had never stopped."""

import json
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from mrigen.atomic import atomic_file
from mrigen.errors import ModelError
from mrigen.objectives.base import Objective
from mrigen.training.ema import ExponentialMovingAverage

Extra = dict[str, Any]


class TrainState:
    """A network in training: weights, optimisers, average, position and random states.

    Parameters
    ----------
    objective
        The loss and the network it is bound to.
    optimizers
        One for each of the objective's phases, by name.
    ema
        The average of the weights, if one is kept.
    """

    def __init__(
        self,
        objective: Objective,
        optimizers: dict[str, torch.optim.Optimizer],
        ema: ExponentialMovingAverage | None,
    ) -> None:
        self.objective = objective
        self.optimizers = optimizers
        self.ema = ema
        self.step = 0
        # Sums of the loss terms since the epoch began, kept on the device to spare a sync, and
        # of how many steps: a phase may be due in some steps only.
        self.sums: dict[str, Tensor] = {}
        self.counts: dict[str, int] = {}

    def add(self, terms: dict[str, Tensor]) -> None:
        """Count the loss terms of one step towards the means of the epoch."""
        for name, term in terms.items():
            self.sums[name] = self.sums[name] + term if name in self.sums else term
            self.counts[name] = self.counts.get(name, 0) + 1

    def take_means(self) -> dict[str, float]:
        """Return the means of the loss terms since the last call, each over its own steps."""
        means = {name: float(summed) / self.counts[name] for name, summed in self.sums.items()}
        self.sums, self.counts = {}, {}
        return means

    @property
    def network(self) -> nn.Module:
        """The network whose weights move."""
        return self.objective.network

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return next(self.network.parameters()).device

    @property
    def final_network(self) -> nn.Module:
        """The network to keep: the average where there is one."""
        return self.ema.network if self.ema else self.network


def save_state(state: TrainState, path: Path, extra: Extra) -> None:
    """Write the whole state to one safetensors file, atomically.

    Parameters
    ----------
    extra
        Anything JSON can hold that the caller wants back.
    """
    tensors = {
        **_prefixed("network", state.network.state_dict()),
        **_prefixed("sums", state.sums),
        "random.cpu": torch.get_rng_state(),
    }
    for phase in state.objective.phases:
        if phase.extra is not None:
            tensors |= _prefixed(f"extra.{phase.name}", phase.extra.state_dict())
    if state.ema:
        tensors |= _prefixed("ema", state.ema.network.state_dict())
    if state.device.type == "cuda":
        tensors["random.cuda"] = torch.cuda.get_rng_state(state.device)
    groups = {}
    for name, optimizer in state.optimizers.items():
        values = optimizer.state_dict()
        groups[name] = values["param_groups"]
        for number, slots in values["state"].items():
            tensors |= _prefixed(f"optimizer.{name}.{number}", slots)
    header = {"step": state.step, "counts": state.counts, "groups": groups, "extra": extra}
    with atomic_file(path) as temporary:
        # Copies in plain order: safetensors takes neither shared nor channels-last memory. On
        # the CPU, since a GPU may have no room for a second state.
        owned = {
            name: tensor.detach().to("cpu", copy=True).contiguous()
            for name, tensor in tensors.items()
        }
        save_file(owned, temporary, metadata={"state": json.dumps(header)})


def read_extra(path: Path) -> Extra:
    """Return what the caller of `save_state` asked to be kept, without the tensors.

    Raises
    ------
    ModelError
        If the file is damaged.
    """
    header, _ = _read(path, tensors=False)
    extra: Extra = header["extra"]
    return extra


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
        if state.ema:
            state.ema.network.load_state_dict(_part(tensors, "ema"))
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
    state.sums = _part(tensors, "sums")


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
