"""When trials that lag behind are given up: Hyperband, at a few epochs."""

from collections.abc import Iterator
from math import ceil

from optuna.pruners import BasePruner, HyperbandPruner, NopPruner

from mrigen.tuning.config import PruningConfig

# The first look comes after a third of the epochs: scores of earlier ones say little of the last.
_FIRST_SHARE = 3


def look_epochs(pruning: PruningConfig | None, epochs: int) -> tuple[int, ...]:
    """Return the epochs at which a trial is scored, ascending; the last is the end.

    They are the rungs of all of Hyperband's brackets. One so late that giving up would save less
    of the training than the score costs is left out.

    Parameters
    ----------
    pruning
        None where no trial is given up: then the end alone is left.
    epochs
        Of the whole training, counted from 1.

    References
    ----------
    Li et al. 2018, Hyperband: a novel bandit-based approach to hyperparameter optimization,
    doi:10.48550/arXiv.1603.06560.

    Examples
    --------
    >>> look_epochs(PruningConfig(), 40)
    (13, 40)
    >>> look_epochs(PruningConfig(first_epoch=2, reduction=2), 16)
    (2, 4, 8, 16)
    """
    if pruning is None:
        return (epochs,)
    first = _first_epoch(pruning, epochs)
    worth = max(first, ceil(epochs / pruning.reduction))
    rungs = [epoch for epoch in _powers(first, pruning.reduction, epochs) if epoch <= worth]
    return (*rungs, epochs)


def build_pruner(pruning: PruningConfig | None, epochs: int) -> BasePruner:
    """Return Optuna's pruner for trainings of so many epochs."""
    if pruning is None or _first_epoch(pruning, epochs) >= epochs:
        return NopPruner()
    return HyperbandPruner(
        min_resource=_first_epoch(pruning, epochs),
        max_resource=epochs,
        reduction_factor=pruning.reduction,
    )


def _first_epoch(pruning: PruningConfig, epochs: int) -> int:
    return pruning.first_epoch or max(1, epochs // _FIRST_SHARE)


def _powers(first: int, factor: int, end: int) -> Iterator[int]:
    epoch = first
    while epoch < end:
        yield epoch
        epoch *= factor
