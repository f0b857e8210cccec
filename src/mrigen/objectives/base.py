"""What a training loss looks like to the loop."""

from typing import NamedTuple, Protocol

from torch import Tensor, nn

from mrigen.data.loader import Batch


class Phase(NamedTuple):
    """Whose weights move, and how often.

    Attributes
    ----------
    name
        Given back to `Objective.loss`.
    module
        The only weights that move in this phase.
    every
        Steps between updates; 1 is every step.
    """

    name: str
    module: nn.Module
    every: int = 1


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

    def loss(self, phase: str, batch: Batch) -> dict[str, Tensor]:
        """Return the scalar to minimise as "loss", and named terms worth a curve."""
        ...
