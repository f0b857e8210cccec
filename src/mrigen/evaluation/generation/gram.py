"""Distances between many subsets of the same features, from their products computed once."""

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from mrigen.evaluation.generation.resampling import Rows


class Gram:
    """Every product between features of two sets and within them.

    The distances between subsets then take no more than rows and columns of small matrices.

    Parameters
    ----------
    first, second : (n, F) and (m, F)
    """

    def __init__(self, first: Tensor, second: Tensor) -> None:
        both = torch.cat([first, second]).double()
        # The Fréchet distance is that of centred features: fewer digits cancel.
        centred = both - both.mean(0)
        self._count = len(first)
        self._centred = (centred @ centred.T).numpy()
        self._kernel = ((both @ both.T) / both.shape[1] + 1).pow(3).numpy()

    def frechet(self, first: Rows, second: Rows) -> float:
        """Return `frechet_distance` between rows of the two sets, at least two of each."""
        own, other, across = self._blocks(self._centred, first, second)
        n, m = len(first), len(second)
        shift = own.mean() + other.mean() - 2 * across.mean()
        spread = (np.trace(own) / n - own.mean()) * n / (n - 1)
        spread += (np.trace(other) / m - other.mean()) * m / (m - 1)
        centred = across - across.mean(0) - across.mean(1, keepdims=True) + across.mean()
        # The sum of its singular values, by a symmetric matrix: several times as fast, and exact
        # to half the digits, of which an interval needs two.
        square = centred @ centred.T if n <= m else centred.T @ centred
        overlap = np.sqrt(np.linalg.eigvalsh(square).clip(min=0)).sum()
        return float(max(shift + spread - 2 * overlap / np.sqrt((n - 1) * (m - 1)), 0.0))

    def kernel(self, first: Rows, second: Rows) -> float:
        """Return `kernel_distance` between rows of the two sets, at least two of each."""
        own, other, across = self._blocks(self._kernel, first, second)
        return _mean_of_pairs(own) + _mean_of_pairs(other) - 2 * float(across.mean())

    def _blocks(
        self, products: npt.NDArray[np.float64], first: Rows, second: Rows
    ) -> tuple[npt.NDArray[np.float64], ...]:
        second = second + self._count
        return (
            products[np.ix_(first, first)],
            products[np.ix_(second, second)],
            products[np.ix_(first, second)],
        )


def _mean_of_pairs(kernel: npt.NDArray[np.float64]) -> float:
    count = len(kernel)
    return float(kernel.sum() - np.trace(kernel)) / (count * (count - 1))
