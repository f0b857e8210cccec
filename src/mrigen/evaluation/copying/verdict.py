"""Which generated slices are copies: those nearer to a training subject than other people are."""

import numpy as np
import numpy.typing as npt

from mrigen.evaluation.copying.spaces import Numbers
from mrigen.metrics.intervals import MIN_SUBJECTS, Interval, percentile_ends, resampled_rows
from mrigen.metrics.memorisation import Labels
from mrigen.seeds import rng

_TIMES = 500


def limits(control: Numbers, percentile: float) -> Numbers:
    """Return the relative distance below which an image counts as copied, for each space.

    Parameters
    ----------
    control : (spaces, n)
        Relative distances of real slices of people who are not in the training data.
    percentile
        How many percent of them may pass for copies in any of the spaces; each space gets an
        equal part, so that looking twice does not raise more false alarms.

    Returns
    -------
    (spaces,)
    """
    return np.asarray(np.percentile(control, percentile / len(control), axis=1), np.float64)


def copied(relative: Numbers, control: Numbers, percentile: float) -> npt.NDArray[np.bool_]:
    """Tell which images are nearer to a training subject than real slices of other people.

    Parameters
    ----------
    relative : (spaces, n)
        Of the images. One space is enough: features overlook a slice whose noise changed their
        texture, pixels one that was turned or stretched.
    control, percentile
        As of `limits`.
    """
    return np.asarray((relative < limits(control, percentile)[:, None]).any(0), np.bool_)


def copied_of_real(control: Numbers, subjects: Labels, percentile: float) -> float:
    """Return the share of real slices that pass for copies, by limits from other subjects.

    Parameters
    ----------
    control : (spaces, n)
    subjects : (n,)
        At least two.
    percentile
        As of `limits`.
    """
    found = np.zeros(control.shape[1], bool)
    for subject in np.unique(subjects):
        own = subjects == subject
        found[own] = copied(control[:, own], control[:, ~own], percentile)
    return float(found.mean())


def copied_interval(
    relative: Numbers, control: Numbers, subjects: Labels, *, percentile: float, seed: int
) -> Interval:
    """Return the share of copies, with its interval over images and over control subjects.

    Both are drawn anew: the limits come from few people, and the share is no surer than they.

    Parameters
    ----------
    relative, control : (spaces, n), (spaces, m)
    subjects : (m,)
        Of the control.
    percentile
        As of `limits`.
    seed
        Of the drawing.
    """
    share = float(copied(relative, control, percentile).mean())
    if len(np.unique(subjects)) < MIN_SUBJECTS:
        return Interval(share)
    stream = rng(seed, "copied images")
    count, shares = relative.shape[1], []
    for rows in resampled_rows(subjects.astype(object), times=_TIMES, seed=seed):
        drawn = stream.integers(count, size=count)
        shares.append(copied(relative[:, drawn], control[:, rows], percentile).mean())
    return Interval(share, *percentile_ends(shares))
