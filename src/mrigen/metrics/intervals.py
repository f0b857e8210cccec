"""Intervals by resampling subjects: the slices of one head are no independent measurements."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from mrigen.errors import DataError
from mrigen.seeds import rng

#: Share of the resampled values inside an interval.
LEVEL = 0.95

#: Below this number of subjects there is no interval: resampling would understate it grossly.
MIN_SUBJECTS = 3


class Interval(NamedTuple):
    """A value, and where it would lie with other subjects; None where that cannot be told."""

    value: float
    low: float | None = None
    high: float | None = None


def resampled_rows(
    subjects: Sequence[str] | npt.NDArray[np.object_], *, times: int, seed: int
) -> Iterator[npt.NDArray[np.int64]]:
    """Yield rows of samples in which whole subjects are drawn with replacement.

    Parameters
    ----------
    subjects : (N,)
        Whom each row belongs to.
    times
        How many samples to draw, each of as many subjects as there are.
    seed
        The same seed gives the same samples.
    """
    _, codes = np.unique(np.asarray(subjects, dtype=str), return_inverse=True)
    rows = [np.flatnonzero(codes == code) for code in range(codes.max() + 1)]
    stream = rng(seed, "bootstrap")
    for _ in range(times):
        chosen = stream.integers(len(rows), size=len(rows))
        yield np.concatenate([rows[subject] for subject in chosen])


def mean_interval(
    values: npt.ArrayLike,
    subjects: Sequence[str] | npt.NDArray[np.object_],
    *,
    seed: int = 0,
    times: int = 2000,
) -> Interval:
    """Return the mean over slices with its percentile interval over subjects.

    Parameters
    ----------
    values : (N,)
        One number per slice.
    subjects : (N,)
        Whose slice it is.
    seed, times
        Of the resampling.

    Returns
    -------
    Interval
        Without ends where there are fewer than `MIN_SUBJECTS` subjects.

    Raises
    ------
    DataError
        If there are no values, as many subjects are not given, or a value is not finite.

    References
    ----------
    The cluster bootstrap: Field and Welsh 2007, doi:10.1111/j.1467-9868.2007.00593.x.
    """
    numbers = np.asarray(values, dtype=np.float64)
    if numbers.ndim != 1 or len(numbers) != len(subjects) or not len(numbers):
        raise DataError(
            f"values of shape {numbers.shape} of {len(subjects)} subjects have no mean: expected "
            "one subject for each of at least one value."
        )
    if not np.isfinite(numbers).all():
        raise DataError("values that are not finite have no mean: expected numbers.")
    _, codes = np.unique(np.asarray(subjects, dtype=str), return_inverse=True)
    counts = np.bincount(codes)
    if len(counts) < MIN_SUBJECTS:
        return Interval(float(numbers.mean()))
    sums = np.bincount(codes, numbers)
    drawn = rng(seed, "bootstrap").integers(len(counts), size=(times, len(counts)))
    means = sums[drawn].sum(1) / counts[drawn].sum(1)
    return Interval(float(numbers.mean()), *percentile_ends(means))


def ratio_interval(
    values: npt.ArrayLike, reference: npt.ArrayLike, *, seed: int = 0, times: int = 2000
) -> Interval:
    """Return the mean of values over that of a reference, with its percentile interval.

    Parameters
    ----------
    values : (N,)
        One number from each of N subjects, or of N stacks.
    reference : (M,)
        One number above 0 from each of M others.
    seed, times
        Of the resampling, in which both groups are drawn anew.

    Returns
    -------
    Interval
        Without ends where either group has fewer than `MIN_SUBJECTS`.

    Raises
    ------
    DataError
        If a group is empty, a value is not finite, or the reference is not above 0.
    """
    above, below = np.asarray(values, np.float64), np.asarray(reference, np.float64)
    if not (above.size and below.size and np.isfinite(above).all() and np.isfinite(below).all()):
        raise DataError(
            f"{above.size} values over {below.size} of a reference have no ratio: expected finite "
            "numbers in both."
        )
    if not (below > 0).all():
        raise DataError(f"a reference of {below.min():g} has no ratio: expected more than 0.")
    ratio = float(above.mean() / below.mean())
    if min(len(above), len(below)) < MIN_SUBJECTS:
        return Interval(ratio)
    stream = rng(seed, "bootstrap")
    drawn = [each[stream.integers(len(each), size=(times, len(each)))] for each in (above, below)]
    means, reference_means = (each.mean(1) for each in drawn)
    return Interval(ratio, *percentile_ends(means / reference_means))


def percentile_ends(values: npt.ArrayLike) -> tuple[float, float]:
    """Return the ends between which `LEVEL` of the values lie."""
    tail = 50 * (1 - LEVEL)
    low, high = np.percentile(np.asarray(values, dtype=np.float64), [tail, 100 - tail])
    return float(low), float(high)
