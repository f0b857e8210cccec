"""The kernel distance between two sets of features, known as KID for Inception features."""

from collections.abc import Iterator

import torch
from torch import Tensor

from mrigen.metrics.feature_sets import checked_features, require_same_features

_ROWS = 2048  # of a block of the kernel's matrix, which takes 32 MiB


def kernel_distance(first: Tensor, second: Tensor) -> float:
    """Return the squared maximum mean discrepancy of two sets, estimated without bias.

    Parameters
    ----------
    first, second : (n, F) and (m, F), at least two samples each

    Returns
    -------
    float
        Zero on average between sets of one distribution, however few the samples: about half of
        such values are a little *below* zero. Negative values are no mistake and mean that no
        difference was found.

    Raises
    ------
    DataError
        If a set is too small, holds values that are not finite, or has other features.

    Notes
    -----
    The U-statistic with the kernel `(x.y / F + 1)^3`, over all pairs rather than over random
    subsets: the average over subsets estimates the same number with more noise. The kernel's
    matrix is made in blocks, so that memory does not grow with the square of the samples.

    References
    ----------
    Bińkowski et al., "Demystifying MMD GANs", 2018, arXiv:1801.01401.
    Gretton et al., "A kernel two-sample test", 2012, lemma 6.
    """
    first = checked_features(first, least=2)
    second = checked_features(second, least=2)
    require_same_features(first, second)
    return _mean_inside(first) + _mean_inside(second) - 2 * _mean_between(first, second)


def _mean_inside(samples: Tensor) -> float:
    # A sample is compared with every other one and never with itself, or the mean has a bias.
    total = torch.zeros((), dtype=torch.float64)
    for start, rows in _blocks(samples):
        own = _kernel(rows, rows)
        own.fill_diagonal_(0)
        total += own.sum() + 2 * sum(
            (_kernel(rows, later).sum() for _, later in _blocks(samples, start + len(rows))),
            start=torch.zeros((), dtype=torch.float64),
        )
    return float(total) / (len(samples) * (len(samples) - 1))


def _mean_between(first: Tensor, second: Tensor) -> float:
    total = torch.zeros((), dtype=torch.float64)
    for _, rows in _blocks(first):
        for _, others in _blocks(second):
            total += _kernel(rows, others).sum()
    return float(total) / (len(first) * len(second))


def _kernel(first: Tensor, second: Tensor) -> Tensor:
    base = (first @ second.T).div_(first.shape[1]).add_(1)
    return base.pow(3)


def _blocks(samples: Tensor, start: int = 0) -> Iterator[tuple[int, Tensor]]:
    for place in range(start, len(samples), _ROWS):
        yield place, samples[place : place + _ROWS]
