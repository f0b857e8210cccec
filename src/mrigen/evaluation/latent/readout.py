"""How well what is known of a slice can be read from its latents, by ridge regression."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from mrigen.evaluation.threads import one_thread
from mrigen.metrics.classification import balanced_mean_interval
from mrigen.metrics.intervals import MIN_SUBJECTS, Interval, percentile_ends
from mrigen.seeds import rng

#: Of either split; below it nothing is read.
LEAST_SUBJECTS = 3

_PENALTIES = tuple(10.0**power for power in range(-3, 6))
_FOLDS = 5
_RESAMPLES = 2000

_Numbers = npt.NDArray[np.float64]
_Subjects = npt.NDArray[np.object_]


class Known(NamedTuple):
    """Latents of slices with what is known of them.

    Attributes
    ----------
    codes : (N, D)
    values : (N,)
        A number, or 1 and -1 for the two classes.
    subjects : (N,)
        Whose slice it is.
    """

    codes: _Numbers
    values: _Numbers
    subjects: _Subjects

    def where_known(self) -> "Known":
        """Return the slices whose value is known."""
        kept = ~np.isnan(self.values)
        return Known(self.codes[kept], self.values[kept], self.subjects[kept])


def read_number(train: Known, test: Known, *, seed: int) -> Interval:
    """Return R2 of a number that ridge regression reads from the latents of test slices.

    Parameters
    ----------
    train
        Slices of at least `LEAST_SUBJECTS` subjects, from which the regression learns. Its
        penalty is the best of nine powers of ten in a cross-validation over these subjects.
    test
        Slices of other subjects, with at least two different values.
    seed
        Of the resampling.

    Returns
    -------
    Interval
        1 is read exactly, 0 no better than the mean of the test slices would do, below 0 worse;
        over test subjects.
    """
    read = regress(train, np.ones(len(train.values)), test.codes)
    return _explained(test, read, seed)


def read_class(train: Known, test: Known, *, seed: int) -> Interval:
    """Return the balanced accuracy of telling two classes by the sign of a ridge regression.

    As `read_number`, with both classes in either split; in learning, both weigh the same.
    """
    counts = {label: (train.values == label).sum() for label in (-1, 1)}
    weights = np.array([len(train.values) / (2 * counts[label]) for label in train.values])
    hits = np.sign(regress(train, weights, test.codes)) == test.values
    return balanced_mean_interval(hits, (test.values > 0).astype(int), test.subjects, seed=seed)


def regress(train: Known, weights: _Numbers, codes: _Numbers) -> _Numbers:
    """Return what ridge regression reads from the latents of other slices.

    Parameters
    ----------
    train
        As in `read_number`.
    weights : (N,)
        Of the slices that it learns from.
    codes : (M, D)

    Returns
    -------
    (M,)
    """
    # Slow to import, and needed by evaluations alone.
    from sklearn.linear_model import Ridge
    from sklearn.model_selection import GroupKFold

    errors = np.zeros(len(_PENALTIES))
    folds = GroupKFold(min(_FOLDS, len(set(train.subjects))))
    with one_thread():
        for learn, ask in folds.split(train.codes, groups=train.subjects.astype(str)):
            for place, penalty in enumerate(_PENALTIES):
                # Latents are left in their own units: what hardly varies counts hardly.
                ridge = Ridge(penalty).fit(train.codes[learn], train.values[learn], weights[learn])
                missed = ridge.predict(train.codes[ask]) - train.values[ask]
                errors[place] += weights[ask] @ missed**2
        best = Ridge(_PENALTIES[int(errors.argmin())])
        return np.asarray(best.fit(train.codes, train.values, weights).predict(codes), np.float64)


def _explained(test: Known, read: _Numbers, seed: int) -> Interval:
    _, owners = np.unique(test.subjects.astype(str), return_inverse=True)
    values = test.values - test.values.mean()  # so that no digits are lost in the squares
    parts = (np.ones(len(values)), values, values**2, (read - test.values) ** 2)
    sums = np.stack([np.bincount(owners, part) for part in parts], 1)  # (subjects, 4)
    value = float(_r2(sums.sum(0)))
    if len(sums) < MIN_SUBJECTS:
        return Interval(value)
    drawn = rng(seed, "bootstrap").integers(len(sums), size=(_RESAMPLES, len(sums)))
    resampled = _r2(sums[drawn].sum(1).T)
    known = resampled[np.isfinite(resampled)]
    return Interval(value, *percentile_ends(known))


def _r2(sums: _Numbers) -> _Numbers:
    count, total, squares, missed = sums
    # A sample may draw one subject alone, all of whose slices have the same value.
    with np.errstate(divide="ignore", invalid="ignore"):
        spread = squares - total**2 / count
        return np.asarray(1 - missed / np.where(spread > 1e-9 * count, spread, np.nan), np.float64)
