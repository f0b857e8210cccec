"""Whether two models differ by more than chance: paired tests, and Holm's correction."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import stats

from mrigen.errors import DataError

#: Differences below this share of the values are rounding, not a finding.
_ROUNDING = 1e-12


class PairedTest(NamedTuple):
    """What two tests say of paired values.

    Attributes
    ----------
    pairs
        How many.
    difference
        Mean of the first minus mean of the second.
    p_t
        Of the two-sided paired t-test.
    p_wilcoxon
        Of Wilcoxon's two-sided signed-rank test.
    """

    pairs: int
    difference: float
    p_t: float
    p_wilcoxon: float


def paired_test(first: npt.ArrayLike, second: npt.ArrayLike) -> PairedTest:
    """Test whether the differences of paired values lie around zero.

    Parameters
    ----------
    first, second : (N,)
        One value per independent subject; means over its slices, not the slices themselves.

    Returns
    -------
    PairedTest
        With p = 1 where all values are the same.

    Raises
    ------
    DataError
        If there are fewer than two pairs, or a value is not finite.

    Notes
    -----
    Wilcoxon's p is exact up to 50 pairs without ties. Of N pairs it is at least 2 ** (1 - N): with
    fewer than six it cannot fall below 0.05.

    References
    ----------
    Student 1908, doi:10.1093/biomet/6.1.1; Wilcoxon 1945, doi:10.2307/3001968.

    Examples
    --------
    >>> paired_test([1.0, 2.0, 4.0], [1.0, 2.0, 4.0]).p_t
    1.0
    """
    one, other = np.asarray(first, np.float64), np.asarray(second, np.float64)
    if one.ndim != 1 or one.shape != other.shape or len(one) < 2:
        raise DataError(
            f"values of shapes {one.shape} and {other.shape} cannot be paired: expected as many "
            "of both, at least two."
        )
    if not (np.isfinite(one).all() and np.isfinite(other).all()):
        raise DataError("values that are not finite cannot be compared: expected numbers.")
    differences = one - other
    differences[np.abs(differences) <= _ROUNDING * np.maximum(np.abs(one), np.abs(other))] = 0
    if not differences.any():
        return PairedTest(len(one), 0.0, 1.0, 1.0)
    return PairedTest(len(one), float(differences.mean()), _t(differences), _rank(differences))


def holm(values: Sequence[float]) -> list[float]:
    """Correct p-values of several tests so that one false finding in all of them stays unlikely.

    Parameters
    ----------
    values
        One p per test.

    Returns
    -------
    list
        In the same order, each at least as large as it was and at most 1.

    References
    ----------
    Holm 1979, https://www.jstor.org/stable/4615733.

    Examples
    --------
    >>> holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    corrected, highest = [0.0] * len(values), 0.0
    order = sorted(range(len(values)), key=values.__getitem__)
    for rank, place in enumerate(order):
        highest = max(highest, min(1.0, (len(values) - rank) * values[place]))
        corrected[place] = highest
    return corrected


def _t(differences: npt.NDArray[np.float64]) -> float:
    count, mean = len(differences), differences.mean()
    error = differences.std(ddof=1) / np.sqrt(count)
    if error <= _ROUNDING * abs(mean):
        return 0.0  # the same difference in every pair: no chance in it
    return float(2 * stats.t.sf(abs(mean) / error, count - 1))


def _rank(differences: npt.NDArray[np.float64]) -> float:
    left = differences[differences != 0]  # pairs without a difference have no sign
    return float(stats.wilcoxon(left).pvalue)
