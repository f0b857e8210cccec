"""Moving averages of a network's weights."""

import math
from collections.abc import Callable
from copy import deepcopy

import torch
from torch import Tensor, nn

#: Share of the network in its average after update number `step`, which counts from 0.
Weight = Callable[[int], float]


def weight_of_decay(decay: float) -> Weight:
    """Return the rule that keeps a share of the old average, the same at each step.

    Early steps keep less, so that the average forgets the initial weights: at most
    `(1 + step) / (10 + step)`.
    """
    return lambda step: 1 - min(decay, (1 + step) / (10 + step))


def weight_of_half_life(half_life: float) -> Weight:
    """Return the rule of an average that grows with the training.

    Parameters
    ----------
    half_life
        In (0, 0.5]: half of the average comes from this last share of the steps so far, however
        many those are. The initial weights are forgotten at once.

    Notes
    -----
    After n steps the old average counts `(1 - 1 / n)^(g + 1)`, so that those up to step m together
    count `(m / n)^(g + 1)`, and step m about as m^g. A half-life h makes `(1 - h)^(g + 1)` a half.

    References
    ----------
    Karras et al. 2024, doi:10.48550/arXiv.2312.02696, section 3.1; they name an average by its
    standard deviation.
    """
    power = -math.log(2) / math.log1p(-half_life)
    # At the first step log1p would be asked for zero's logarithm.
    return lambda step: -math.expm1(power * math.log1p(-1 / (step + 1))) if step else 1.0


class ExponentialMovingAverage:
    """A smoothed copy of a network, better than its last weights at generating.

    Weights that are frozen when it is made, such as a guide's, are copied once and not followed:
    who changes them changes them in the average, too.

    Parameters
    ----------
    network
        The network that is trained; its weights are copied once.
    weight
        How much of the network comes into the average at each step.

    Attributes
    ----------
    network
        The average, in evaluation mode.
    """

    def __init__(self, network: nn.Module, weight: Weight) -> None:
        self.network = deepcopy(network).eval().requires_grad_(False)
        self._weight = weight
        # Gathered once: a walk through the modules can cost more than the step of a small network.
        pairs = zip(self.network.parameters(), network.parameters(), strict=True)
        moving = [(average, weight) for average, weight in pairs if weight.requires_grad]
        self._averages = [average for average, _ in moving]
        self._weights = [weight for _, weight in moving]
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
        torch._foreach_lerp_(averages, currents, self._weight(step))
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
