"""What a training loss looks like to the loop."""

from typing import NamedTuple, Protocol

from torch import Tensor, nn

from mrigen.data.loader import Batch


class Phase(NamedTuple):
    """Whose weights move, how often, and in which part of the training.

    Attributes
    ----------
    name
        Given back to `Objective.loss`.
    module
        A part of the network: with `extra` the only weights that move in this phase.
    every
        Steps between updates; 1 is every step.
    start, stop
        Shares of the training, from 0 to 1, between which the phase runs. The learning rate's
        warm-up and schedule run over this part alone.
    extra
        What the objective itself learns in this phase beside the network, such as the variance
        of a likelihood. It is saved with the state and left out of the bundle.
    """

    name: str
    module: nn.Module
    every: int = 1
    start: float = 0.0
    stop: float = 1.0
    extra: nn.Module | None = None

    def parameters(self) -> list[nn.Parameter]:
        """Return the weights that move."""
        extra = [] if self.extra is None else list(self.extra.parameters())
        return [*self.module.parameters(), *extra]


class Objective(Protocol):
    """A loss bound to a network; it holds no optimiser and knows no device."""

    @property
    def network(self) -> nn.Module:
        """The network that learns."""
        ...

    @property
    def phases(self) -> tuple[Phase, ...]:
        """What moves, in this order."""
        ...

    def loss(self, phase: str, batch: Batch, progress: float = 1.0) -> dict[str, Tensor]:
        """Return the scalar to minimise as "loss", and named terms worth a curve.

        Parameters
        ----------
        phase
            The name of one of `phases`. In a step, the phases that are due are asked in their
            order and with the same batch.
        batch
            On the network's device.
        progress
            Share of the training that is done, from 0 to 1; 1 when nothing is trained, so that
            losses of validation do not move with a warm-up.
        """
        ...
