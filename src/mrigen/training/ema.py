"""Exponential moving average of a network's weights."""

from copy import deepcopy

import torch
from torch import Tensor, nn


class ExponentialMovingAverage:
    """A smoothed copy of a network, better than its last weights at generating.

    Parameters
    ----------
    network
        The network that is trained; its weights are copied once.
    decay
        Share of the old average kept at each step. Early steps keep less, so that the average
        forgets the initial weights: at most `(1 + step) / (10 + step)`.

    Attributes
    ----------
    network
        The average, in evaluation mode.
    """

    def __init__(self, network: nn.Module, decay: float) -> None:
        self.network = deepcopy(network).eval().requires_grad_(False)
        self.decay = decay
        # Gathered once: a walk through the modules can cost more than the step of a small network.
        self._averages, self._weights = list(self.network.parameters()), list(network.parameters())
        self._average_places, self._places = _buffers(self.network), _buffers(network)

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Move the average towards the trained network after its update number `step`."""
        averages: list[Tensor] = [*self._averages]
        currents: list[Tensor] = [*self._weights]
        counts: list[Tensor] = []
        current_counts: list[Tensor] = []
        # A module may put another tensor in a buffer's place, so these are looked up every time.
        for (owner, name), (source, _) in zip(self._average_places, self._places, strict=True):
            average, current = owner.get_buffer(name), source.get_buffer(name)
            floating = average.is_floating_point()
            (averages if floating else counts).append(average)
            (currents if floating else current_counts).append(current)
        weight = 1 - min(self.decay, (1 + step) / (10 + step))
        torch._foreach_lerp_(averages, currents, weight)
        if counts:
            torch._foreach_copy_(counts, current_counts)


def _buffers(network: nn.Module) -> list[tuple[nn.Module, str]]:
    # Those of the state_dict, with the modules that own them.
    return [
        (module, name)
        for module in network.modules()
        for name, buffer in module.named_buffers(recurse=False)
        if buffer is not None and name not in module._non_persistent_buffers_set
    ]
