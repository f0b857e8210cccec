"""How one number follows another: slope and correlation, with intervals over people."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from mrigen.metrics.intervals import MIN_SUBJECTS, Interval, percentile_ends
from mrigen.seeds import rng

_RESAMPLES = 2000

_Numbers = npt.NDArray[np.float64]


class Line(NamedTuple):
    """A least-squares line.

    Attributes
    ----------
    slope, correlation
        Of the second number over the first; 0 where either is always the same.
    """

    slope: Interval
    correlation: Interval


def fit_line(x: npt.ArrayLike, y: npt.ArrayLike, owners: npt.ArrayLike, *, seed: int) -> Line:
    """Fit a line, and say where it would lie with other people.

    Parameters
    ----------
    x, y : (N,)
    owners : (N,)
        Whom each pair belongs to; whole owners are resampled.
    seed
        Of the resampling.

    Returns
    -------
    Line
        Without ends where there are fewer than `MIN_SUBJECTS` owners.
    """
    # Around the means, so that no digits are lost in the squares.
    first, second = (_centred(np.asarray(values, np.float64)) for values in (x, y))
    _, codes = np.unique(np.asarray(owners, str), return_inverse=True)
    parts = (np.ones(len(first)), first, second, first**2, second**2, first * second)
    sums = np.stack([np.bincount(codes, part) for part in parts], 1)  # (owners, 6)
    whole = _line(sums.sum(0))
    if len(sums) < MIN_SUBJECTS:
        return Line(*(Interval(float(value)) for value in whole))
    drawn = rng(seed, "bootstrap").integers(len(sums), size=(_RESAMPLES, len(sums)))
    resampled = _line(sums[drawn].sum(1).T)
    return Line(
        *(
            Interval(float(value), *percentile_ends(values))
            for value, values in zip(whole, resampled, strict=True)
        )
    )


def _centred(values: _Numbers) -> _Numbers:
    return np.asarray(values - values.mean(), np.float64)


def _line(sums: _Numbers) -> tuple[_Numbers, _Numbers]:
    count, x, y, xx, yy, xy = sums
    along, across, shared = xx - x * x / count, yy - y * y / count, xy - x * y / count
    # A sample may draw one owner alone, all of whose numbers are the same.
    small = 1e-12 * count
    slope = np.where(along > small, shared / np.maximum(along, small), 0.0)
    spread = np.sqrt(np.maximum(along, small) * np.maximum(across, small))
    correlation = np.where((along > small) & (across > small), shared / spread, 0.0)
    return slope, correlation
