"""Exponential moving average of a network's weights."""

from copy import deepcopy

import torch
from torch import nn


class ExponentialMovingAverage:
    """A smoothed copy of a network, better than its last weights at generating.

    Parameters
    ----------
    network
        The network that is trained; its weights are copied once.
    decay
        Share of the old average kept at each step. Early steps keep less, so that the average
        forgets the initial weights: at most `(1 + step) / (10 + step)`.
    """

    def __init__(self, network: nn.Module, decay: float) -> None:
        self.network = deepcopy(network).eval().requires_grad_(False)
        self.decay = decay

    @torch.no_grad()
    def update(self, network: nn.Module, step: int) -> None:
        """Move the average towards `network` after its update number `step`."""
        weight = 1 - min(self.decay, (1 + step) / (10 + step))
        averages, currents = [], []
        for average, current in zip(
            self.network.state_dict().values(), network.state_dict().values(), strict=True
        ):
            if average.is_floating_point():
                averages.append(average)
                currents.append(current)
            else:
                average.copy_(current)
        torch._foreach_lerp_(averages, currents, weight)
