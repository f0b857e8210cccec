"""How often classes are told right, each class counting the same."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from mrigen.errors import DataError
from mrigen.metrics.intervals import MIN_SUBJECTS, Interval, percentile_ends
from mrigen.seeds import rng

_Labels = npt.NDArray[np.int64]


def confusion(truth: _Labels, predicted: _Labels, *, classes: int) -> _Labels:
    """Count samples by their true class (rows) and the class they are taken for (columns).

    Examples
    --------
    >>> confusion(np.array([0, 0, 1]), np.array([0, 1, 1]), classes=2).tolist()
    [[1, 1], [0, 1]]
    """
    return np.bincount(truth * classes + predicted, minlength=classes**2).reshape(classes, classes)


def balanced_mean(values: npt.ArrayLike, truth: _Labels) -> float:
    """Return the mean of the means of each class; of hits, the balanced accuracy.

    Parameters
    ----------
    values : (N,)
        One number per sample, such as 1 where its class was told right and 0 where not.
    truth : (N,)
        Its true class.

    References
    ----------
    Brodersen et al. 2010, doi:10.1109/ICPR.2010.764
    """
    numbers = np.asarray(values, np.float64)
    return float(np.mean([numbers[truth == label].mean() for label in np.unique(truth)]))


def balanced_mean_interval(
    values: npt.ArrayLike,
    truth: _Labels,
    subjects: Sequence[str] | npt.NDArray[np.object_],
    *,
    seed: int = 0,
    times: int = 2000,
) -> Interval:
    """Return the mean of the means of each class with its percentile interval over subjects.

    Parameters
    ----------
    values : (N,)
        One number per sample: hits for the balanced accuracy, differences of the hits of two
        classifiers for the paired difference of their balanced accuracies.
    truth : (N,)
        Its true class.
    subjects : (N,)
        Whose sample it is.
    seed, times
        Of the resampling.

    Returns
    -------
    Interval
        Without ends where a class has fewer than `MIN_SUBJECTS` subjects.

    Raises
    ------
    DataError
        If there are no values, or not as many classes and subjects as values.

    Notes
    -----
    Whole subjects are drawn with replacement from those that have the same classes (all men, or
    all with slices both with and without a tumour), so that no class is ever missing. A subject
    alone in having its classes is in every sample, which makes the interval a little too short.
    """
    numbers = np.asarray(values, np.float64)
    if not len(numbers) or not len(numbers) == len(truth) == len(subjects):
        raise DataError(
            f"{len(numbers)} values of {len(truth)} classes and {len(subjects)} subjects have no "
            "mean: expected a class and a subject for each of at least one value."
        )
    labels, codes = np.unique(truth, return_inverse=True)
    names, owners = np.unique(np.asarray(subjects, dtype=str), return_inverse=True)
    sums, counts = np.zeros((2, len(names), len(labels)))
    np.add.at(sums, (owners, codes), numbers)
    np.add.at(counts, (owners, codes), 1)
    value = balanced_mean(numbers, truth)
    if (counts > 0).sum(0).min() < MIN_SUBJECTS:
        return Interval(value)
    _, strata = np.unique(counts > 0, axis=0, return_inverse=True)
    groups = [np.flatnonzero(strata == stratum) for stratum in range(strata.max() + 1)]
    stream = rng(seed, "bootstrap")
    drawn = np.array(
        [
            np.concatenate(
                [group[stream.integers(len(group), size=len(group))] for group in groups]
            )
            for _ in range(times)
        ]
    )
    means = (sums[drawn].sum(1) / counts[drawn].sum(1)).mean(1)
    return Interval(value, *percentile_ends(means))
