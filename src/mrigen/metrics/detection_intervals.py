"""Intervals over subjects of how well scores detect what is marked."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from mrigen.errors import DataError
from mrigen.metrics.detection import (
    Levels,
    auroc,
    auroc_of,
    average_precision,
    average_precision_of,
    best_dice,
    best_dice_of,
    count_levels,
)
from mrigen.metrics.intervals import MIN_SUBJECTS, Interval, percentile_ends
from mrigen.seeds import rng

_Floats = npt.NDArray[np.float64]
_Counts = npt.NDArray[np.int64]

# Levels that scores are rounded to for the intervals, which need no last digit. A value itself is
# that of the scores as they are.
_ROUNDED_LEVELS = 1024


class Detection(NamedTuple):
    """How well scores detect, with intervals over subjects.

    Attributes
    ----------
    auroc, average_precision, best_dice
        In [0, 1]; every resample has a best threshold of its own.
    threshold
        Of the best Dice coefficient.
    share
        Of what is marked: the average precision of chance.
    """

    auroc: Interval
    average_precision: Interval
    best_dice: Interval
    threshold: float
    share: float


def detect(
    scores: npt.ArrayLike,
    marked: npt.ArrayLike,
    subjects: npt.ArrayLike,
    *,
    seed: int = 0,
    times: int = 1000,
) -> Detection | None:
    """Measure how well scores detect what is marked, with percentile intervals over subjects.

    Parameters
    ----------
    scores, marked : (N,)
        As of `count_levels`.
    subjects : (N,) int
        A number for whom each belongs to.
    seed, times
        Of the resampling.

    Returns
    -------
    Detection or None
        None where nothing or everything is marked. Intervals without ends where fewer than
        `MIN_SUBJECTS` subjects have something marked, or something unmarked.

    Raises
    ------
    DataError
        If there is not one finite score and one subject for each.

    Notes
    -----
    Samples of whole subjects are drawn with replacement; those in which nothing or everything is
    marked are left out. For them alone, scores are rounded to about a thousand levels that hold
    equal shares of the marked and the unmarked, so that a resample is a sum of histograms.
    """
    levels, owners = count_levels(scores, marked), np.asarray(subjects)
    if owners.shape != levels.places.shape:
        raise DataError(
            f"{levels.places.size} scores come with subjects of shape {owners.shape}: expected "
            "one each."
        )
    area, precision, dice = auroc(levels), average_precision(levels), best_dice(levels)
    if area is None or precision is None or dice is None:
        return None
    truth = np.asarray(marked, dtype=bool)
    samples = _resamples(_rounded(levels)[levels.places], truth, owners, seed=seed, times=times)
    return Detection(
        _interval(area, auroc_of, samples),
        _interval(precision, average_precision_of, samples),
        _interval(dice.dice, best_dice_of, samples),
        dice.threshold,
        float(truth.mean()),
    )


def _rounded(levels: Levels) -> _Counts:
    """Return the number of the rounded level of each level: the same, where there are few."""
    if len(levels.scores) <= _ROUNDED_LEVELS:
        return np.arange(len(levels.scores))
    shares = [counts.cumsum() / counts.sum() for counts in (levels.marked, levels.unmarked)]
    rounded = np.ceil(_ROUNDED_LEVELS * (shares[0] + shares[1]) / 2) - 1
    return np.asarray(np.clip(rounded, 0, _ROUNDED_LEVELS - 1), np.int64)


def _resamples(
    places: _Counts,
    marked: npt.NDArray[np.bool_],
    subjects: npt.NDArray[np.generic],
    *,
    seed: int,
    times: int,
) -> tuple[_Floats, _Floats] | None:
    """Return the counts at each level in samples of subjects, twice (up to times, K)."""
    _, owners = np.unique(subjects, return_inverse=True)
    people, levels = int(owners.max()) + 1, int(places.max()) + 1
    if min(len(np.unique(owners[marked])), len(np.unique(owners[~marked]))) < MIN_SUBJECTS:
        return None
    cells = owners * levels + places
    shape, cell_count = (people, levels), people * levels
    found = np.bincount(cells[marked], minlength=cell_count).reshape(shape)
    every = np.bincount(cells, minlength=cell_count).reshape(shape)
    chosen = rng(seed, "bootstrap").integers(people, size=(times, people))
    # How often each person is in each sample.
    turns = np.stack([np.bincount(row, minlength=people) for row in chosen]).astype(np.float64)
    hits, misses = turns @ found, turns @ (every - found)
    usable = hits.any(-1) & misses.any(-1)
    return (hits[usable], misses[usable]) if usable.any() else None


def _interval(
    value: float,
    measure: Callable[[_Floats, _Floats], _Floats],
    samples: tuple[_Floats, _Floats] | None,
) -> Interval:
    if samples is None:
        return Interval(value)
    low, high = percentile_ends(measure(*samples))
    # The value is of the scores as they are: rounding must not put it outside.
    return Interval(value, min(low, value), max(high, value))
