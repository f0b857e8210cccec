"""What the validation loss decides: the rate, the end, and which epoch is kept."""

import math
from typing import TypedDict

from mrigen.training.config import EarlyStoppingConfig, PlateauConfig, TrainingConfig


class WatchState(TypedDict):
    """A watch as plain values for a checkpoint; None stands for a loss that never came."""

    best: float | None
    best_epoch: int
    stop_best: float | None
    stop_wait: int
    rate_best: float | None
    rate_wait: int
    rate_scale: float


class EarlyStopping:
    """Says when a loss has not fallen for long enough, as Keras' callback of this name."""

    def __init__(self, config: EarlyStoppingConfig) -> None:
        self.config = config
        self.best, self.wait = math.inf, 0

    @property
    def stopped(self) -> bool:
        """Whether the training is over."""
        return self.wait >= self.config.patience

    def note(self, loss: float) -> None:
        """Count the loss of one epoch."""
        if loss + self.config.min_delta < self.best:
            self.best, self.wait = loss, 0
        else:
            self.wait += 1


class Plateau:
    """Lowers the learning rate when a loss does not fall, as Keras' `ReduceLROnPlateau`.

    Parameters
    ----------
    config
        When, by how much, and how far.
    learning_rate
        The rate that `scale` multiplies.
    """

    def __init__(self, config: PlateauConfig, learning_rate: float) -> None:
        self.config, self.learning_rate = config, learning_rate
        self.best, self.wait, self.scale = math.inf, 0, 1.0

    def note(self, loss: float) -> None:
        """Count the loss of one epoch."""
        if loss < self.best - self.config.min_delta:
            self.best, self.wait = loss, 0
            return
        self.wait += 1
        lowest = self.config.min_rate / self.learning_rate
        if self.wait >= self.config.patience and self.scale > lowest:
            self.scale = max(self.scale * self.config.factor, lowest)
            self.wait = 0


class Watch:
    """Follows the validation loss, epoch by epoch.

    Parameters
    ----------
    config
        What is to be decided; a watch with nothing to decide notes the best epoch alone.

    Attributes
    ----------
    best, best_epoch
        The smallest loss and its epoch; infinity and 0 before the first.
    """

    def __init__(self, config: TrainingConfig) -> None:
        self.best, self.best_epoch = math.inf, 0
        self._stopping = EarlyStopping(config.early_stopping or EarlyStoppingConfig())
        self._stops = config.early_stopping is not None
        self._plateau = Plateau(config.plateau, config.learning_rate)
        self._lowers = config.schedule == "plateau"

    @property
    def stopped(self) -> bool:
        """Whether the training is over before its last epoch."""
        return self._stops and self._stopping.stopped

    @property
    def rate_scale(self) -> float:
        """What the learning rate is multiplied by, beside its schedule."""
        return self._plateau.scale if self._lowers else 1.0

    def note(self, loss: float, epoch: int) -> None:
        """Take the validation loss of one epoch into account; not a number is no progress."""
        if loss < self.best:
            self.best, self.best_epoch = loss, epoch
        self._stopping.note(loss)
        self._plateau.note(loss)

    def state(self) -> WatchState:
        """Return everything that a resume needs."""
        return WatchState(
            best=_finite(self.best),
            best_epoch=self.best_epoch,
            stop_best=_finite(self._stopping.best),
            stop_wait=self._stopping.wait,
            rate_best=_finite(self._plateau.best),
            rate_wait=self._plateau.wait,
            rate_scale=self._plateau.scale,
        )

    def load(self, state: WatchState) -> None:
        """Go on from what `state` returned."""
        self.best, self.best_epoch = _loss(state["best"]), state["best_epoch"]
        self._stopping.best, self._stopping.wait = _loss(state["stop_best"]), state["stop_wait"]
        self._plateau.best, self._plateau.wait = _loss(state["rate_best"]), state["rate_wait"]
        self._plateau.scale = state["rate_scale"]


def _finite(loss: float) -> float | None:
    return loss if math.isfinite(loss) else None


def _loss(value: float | None) -> float:
    return math.inf if value is None else value
