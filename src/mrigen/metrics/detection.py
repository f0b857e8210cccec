"""How well scores tell what is marked from what is not: AUROC, average precision, best Dice."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from mrigen.errors import DataError

_Floats = npt.NDArray[np.float64]
_Counts = npt.NDArray[np.int64]


class Levels(NamedTuple):
    """How often each score occurs, from the highest to the lowest.

    All three measures are functions of it. Whoever calls everything from a score upwards marked
    finds `marked.cumsum()` rightly and `unmarked.cumsum()` wrongly.

    Attributes
    ----------
    scores : (K,)
        Distinct, descending.
    marked, unmarked : (K,) int64
        How many have that score.
    places : (N,) int64
        The number of its level, for each of the scores that were counted.
    """

    scores: npt.NDArray[np.floating]
    marked: _Counts
    unmarked: _Counts
    places: _Counts


class BestDice(NamedTuple):
    """The best Dice coefficient that any threshold gives, and that threshold.

    Attributes
    ----------
    dice
        In (0, 1].
    threshold
        What scores at least so much is called marked; the highest of equally good ones.
    """

    dice: float
    threshold: float


def count_levels(scores: npt.ArrayLike, marked: npt.ArrayLike) -> Levels:
    """Count how often each score occurs.

    Parameters
    ----------
    scores : (N,)
        Higher where something is more likely to be marked.
    marked : (N,) bool

    Raises
    ------
    DataError
        If there is not one finite score for each.
    """
    values, truth = np.asarray(scores), np.asarray(marked, dtype=bool)
    if values.ndim != 1 or values.shape != truth.shape:
        raise DataError(
            f"scores of shape {values.shape} come with marks of shape {truth.shape}: expected a "
            "line of scores and one mark for each."
        )
    if not np.isfinite(values).all():
        raise DataError("scores that are not finite have no order: expected numbers.")
    distinct, places = np.unique(values, return_inverse=True)
    places = len(distinct) - 1 - places
    found = np.bincount(places[truth], minlength=len(distinct))
    every = np.bincount(places, minlength=len(distinct))
    return Levels(distinct[::-1], found, every - found, places)


def auroc(levels: Levels) -> float | None:
    """Return the area under the ROC curve; None where nothing or everything is marked.

    It is the probability that what is marked scores higher than what is not; ties count half.
    """
    counts = _as_floats(levels)
    return None if counts is None else float(auroc_of(*counts))


def average_precision(levels: Levels) -> float | None:
    """Return the area under the precision-recall curve as a sum of steps, or None as `auroc` does.

    Precision is averaged over what is marked, without interpolation, which would flatter.
    """
    counts = _as_floats(levels)
    return None if counts is None else float(average_precision_of(*counts))


def best_dice(levels: Levels) -> BestDice | None:
    """Return the best Dice coefficient over all thresholds, or None as `auroc` does.

    A threshold that is chosen after looking promises nothing for other data: the coefficient is an
    upper bound of what the scores can do.
    """
    counts = _as_floats(levels)
    if counts is None:
        return None
    dice = dice_at(*counts)
    best = int(dice.argmax())
    return BestDice(float(dice[best]), float(levels.scores[best]))


def precision_recall(levels: Levels, *, points: int = 200) -> tuple[_Floats, _Floats] | None:
    """Return recall and precision at thresholds from high to low, or None as `auroc` does.

    Returns
    -------
    recall, precision : (P,)
        At most `points` thresholds, at even distances of recall; the last finds everything.
    """
    counts = _as_floats(levels)
    if counts is None:
        return None
    found, called = counts[0].cumsum(), (counts[0] + counts[1]).cumsum()
    recall = found / found[-1]
    chosen = np.unique(np.searchsorted(recall, np.linspace(0, 1, points + 1)[1:] - 1e-9))
    return recall[chosen], found[chosen] / called[chosen]


# Each takes counts (..., K) from the highest score down, of which some are marked and some are not:
# whole numbers, as floats, whose products are exact up to 2**53 pairs.


def auroc_of(marked: _Floats, unmarked: _Floats) -> _Floats:
    """Return the area under each ROC curve, (...)."""
    above = marked.cumsum(-1) - marked
    pairs = marked.sum(-1) * unmarked.sum(-1)
    return np.asarray((unmarked * (above + marked / 2)).sum(-1) / pairs, np.float64)


def average_precision_of(marked: _Floats, unmarked: _Floats) -> _Floats:
    """Return each average precision, (...)."""
    found = marked.cumsum(-1)
    precision = found / np.maximum(found + unmarked.cumsum(-1), 1)
    return np.asarray((marked * precision).sum(-1) / marked.sum(-1), np.float64)


def dice_at(marked: _Floats, unmarked: _Floats) -> _Floats:
    """Return the Dice coefficient of each threshold, (..., K)."""
    found = marked.cumsum(-1)
    total = marked.sum(-1, keepdims=True)
    return np.asarray(2 * found / (found + unmarked.cumsum(-1) + total), np.float64)


def best_dice_of(marked: _Floats, unmarked: _Floats) -> _Floats:
    """Return the best Dice coefficient over all thresholds, (...)."""
    return np.asarray(dice_at(marked, unmarked).max(-1), np.float64)


def _as_floats(levels: Levels) -> tuple[_Floats, _Floats] | None:
    """Return the counts, or None where nothing or everything is marked."""
    if not levels.marked.any() or not levels.unmarked.any():
        return None
    return levels.marked.astype(np.float64), levels.unmarked.astype(np.float64)
