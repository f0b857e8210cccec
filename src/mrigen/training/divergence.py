"""Losses and weights that are no longer numbers."""

import math
from collections.abc import Mapping

import torch
from torch import Tensor

from mrigen.errors import ModelError

_LOOK_EVERY = 16  # steps; each look waits for the device


class DivergenceError(ModelError):
    """A training whose numbers have left the finite.

    Attributes
    ----------
    finding
        The step, what is not finite, and its value.
    """

    def __init__(self, finding: str) -> None:
        self.finding = finding
        super().__init__(
            f"training diverged {finding}: expected finite numbers. Lower 'learning_rate', or "
            "set 'clip_norm' to 1."
        )


class LossWatch:
    """Looks at every loss: at once on a CPU, in groups where a look would stop the device.

    Parameters
    ----------
    device
        Where the losses are.
    """

    def __init__(self, device: torch.device) -> None:
        self._every = 1 if device.type == "cpu" else _LOOK_EVERY
        self._unseen: list[tuple[int, str, Tensor]] = []

    def note(self, step: int, name: str, loss: Tensor) -> None:
        """Take a loss before its gradient moves anything.

        Raises
        ------
        DivergenceError
            If this one, or one since the last look, is not finite.
        """
        self._unseen.append((step, name, loss.detach()))
        if self._every == 1 or step - self._unseen[0][0] >= self._every:
            self.look()

    def look(self) -> None:
        """Look at the losses that nobody has seen yet; errors as of `note`."""
        unseen, self._unseen = self._unseen, []
        if not unseen:
            return
        values = [float(unseen[0][2])] if len(unseen) == 1 else _together(unseen)
        for (step, name, _), value in zip(unseen, values, strict=True):
            if not math.isfinite(value):
                raise DivergenceError(f"in step {step}, where '{name}' is {value}")


def require_finite(tensors: Mapping[str, Tensor], step: int) -> None:
    """Refuse weights that are not finite.

    Raises
    ------
    DivergenceError
        Naming the first of them.
    """
    named = {name: t for name, t in tensors.items() if t.is_floating_point() and t.numel()}
    if not named:
        return
    # One wait for the device: a sum is finite if all are, and only then are they looked at again.
    finite = torch.stack([tensor.isfinite().all() for tensor in named.values()])
    for name, fine in zip(named, finite.tolist(), strict=True):
        if not fine:
            raise DivergenceError(f"after step {step}, where '{name}' has values that are not")


def _together(unseen: list[tuple[int, str, Tensor]]) -> list[float]:
    values: list[float] = torch.stack([loss.float() for _, _, loss in unseen]).tolist()
    return values
