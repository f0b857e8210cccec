"""A network in training, with everything that moves beside its weights."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from mrigen.models.interfaces import Autoguided
from mrigen.objectives.base import Objective
from mrigen.training.divergence import LossWatch
from mrigen.training.ema import ExponentialMovingAverage


class TrainState:
    """A network in training: weights, optimisers, averages, position and random states.

    Parameters
    ----------
    objective
        The loss and the network it is bound to.
    optimizers
        One for each of the objective's phases, by name.
    averages
        Of the weights, as many as are kept.

    Attributes
    ----------
    step
        Updates done.
    rate_scale
        What the learning rate is multiplied by, beside its schedule; the caller's to set.
    losses
        Looks at every loss for values that are not finite.
    """

    def __init__(
        self,
        objective: Objective,
        optimizers: dict[str, torch.optim.Optimizer],
        averages: Sequence[ExponentialMovingAverage] = (),
    ) -> None:
        self.objective = objective
        self.optimizers = optimizers
        self.averages = tuple(averages)
        self.step = 0
        self.rate_scale = 1.0
        self.losses = LossWatch(self.device)
        self._modules = list(objective.network.modules())
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

    def set_training(self) -> None:
        """Put the whole network into training mode, where a part of it is not."""
        if not all(module.training for module in self._modules):
            self.network.train()

    def keep_guide(self) -> None:
        """Give an autoguided network and its averages the first average as their guide."""
        for each in (self.network, *self.candidates):
            assert isinstance(each, Autoguided)
            # To each of them, as averages do not follow what is frozen.
            each.keep_guide(self.final_network)

    @property
    def network(self) -> nn.Module:
        """The network whose weights move."""
        return self.objective.network

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return next(self.network.parameters()).device

    @property
    def candidates(self) -> tuple[nn.Module, ...]:
        """The networks that one may be kept of: the averages where there are any."""
        return tuple(average.network for average in self.averages) or (self.network,)

    @property
    def final_network(self) -> nn.Module:
        """The network to keep, unless something chooses: the first of the candidates."""
        return self.candidates[0]
