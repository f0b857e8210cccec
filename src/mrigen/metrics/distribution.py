"""Distances between sets of images, from the mean and covariance of their features."""

import math

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from mrigen.errors import DataError

# Eigenvalues are taken to be off by this many roundings of the largest; in practice by one or two.
_ROUNDINGS = 8
# The error of a distance, as a share of it, up to which the faster of two ways will do.
_TOLERANCE = 1e-7


class FeatureStatistics:
    """Mean and covariance of features, streamed in float64.

    The order and the size of the updates do not matter beyond rounding. As long as there are no
    more samples than features, the samples are kept in place of the covariance, which would be
    larger: a distance from them is faster and more exact.

    Parameters
    ----------
    features
        Values per sample.

    Attributes
    ----------
    count : int
        Samples seen.
    mean : (features,) float64
    """

    def __init__(self, features: int) -> None:
        self.features = features
        self.count = 0
        self.mean = torch.zeros(features, dtype=torch.float64)
        self._samples: list[Tensor] = []
        # Sum of outer products of the samples less their mean, once they are no longer kept.
        self._scatter: Tensor | None = None

    def update(self, samples: Tensor) -> None:
        """Add samples.

        Parameters
        ----------
        samples : (n, features) of any floating type, n may be 0

        Raises
        ------
        DataError
            If the shape is another one or a value is not finite.
        """
        if samples.ndim != 2 or samples.shape[1] != self.features:
            raise DataError(
                f"features of shape {tuple(samples.shape)} cannot be added to statistics of "
                f"{self.features} features: expected (n, {self.features})."
            )
        if not len(samples):
            return
        samples = samples.detach().to("cpu", torch.float64, copy=True)
        mean = samples.mean(0)
        # The mean of values that are not all finite is not either.
        if not bool(mean.isfinite().all()):
            raise DataError(
                "features hold values that are not finite: expected numbers. Look at the images "
                "they were made from."
            )
        self._add(len(samples), mean, [samples], None)

    def merge(self, other: "FeatureStatistics") -> None:
        """Add the samples that `other` has seen.

        Raises
        ------
        DataError
            If `other` counts another number of features.
        """
        if other.features != self.features:
            raise DataError(
                f"statistics of {other.features} features cannot be merged into statistics of "
                f"{self.features}: use one feature extractor for both."
            )
        self._add(other.count, other.mean, other._samples, other._scatter)

    @property
    def covariance(self) -> Tensor:
        """Sample covariance, (features, features) float64.

        Raises
        ------
        DataError
            If fewer than two samples were seen.
        """
        self._require_spread()
        if self._scatter is not None:
            return self._scatter / (self.count - 1)
        return _scatter_of(self._samples, self.mean) / (self.count - 1)

    @property
    def root(self) -> Tensor:
        """A matrix whose Gram matrix over its rows is the covariance, (rows, features) float64.

        The centred samples over the square root of count - 1 while they are kept, else as many
        rows as features.

        Raises
        ------
        DataError
            If fewer than two samples were seen.
        """
        self._require_spread()
        if self._scatter is not None:
            return _root_of(self.covariance)
        samples = [each.numpy() for each in self._samples]
        centred = np.concatenate(samples) if len(samples) > 1 else samples[0].copy()
        centred -= self.mean.numpy()
        centred /= math.sqrt(self.count - 1)
        return torch.from_numpy(centred)

    def _add(self, count: int, mean: Tensor, samples: list[Tensor], scatter: Tensor | None) -> None:
        if not count:
            return
        total = self.count + count
        shift = mean - self.mean
        if self._scatter is None and scatter is None and total <= self.features:
            self._samples = [*self._samples, *samples]
        else:
            # The pairwise update of Chan, Golub and LeVeque: no sum of squares, no cancellation.
            if self._scatter is None:
                self._scatter = _scatter_of(self._samples, self.mean)
                self._samples = []
            own = _scatter_of(samples, mean) if scatter is None else scatter
            self._scatter += own + torch.outer(shift, shift) * (self.count * count / total)
        self.mean = self.mean + shift * (count / total)
        self.count = total

    def _require_spread(self) -> None:
        if self.count < 2:
            raise DataError(
                f"statistics of {self.count} samples have no covariance: expected at least two. "
                "Evaluate more images."
            )


def frechet_distance(first: FeatureStatistics, second: FeatureStatistics) -> float:
    """Return the squared Fréchet distance between two Gaussians fitted to features.

    Parameters
    ----------
    first, second
        Statistics of the same features, of at least two samples each. For a fair comparison
        give both the same number of samples: the distance falls with the number even between
        samples of one distribution.

    Returns
    -------
    float
        `|m1 - m2|^2 + tr(C1 + C2 - 2 (C1 C2)^(1/2))`, never negative.

    Raises
    ------
    DataError
        If a side has fewer than two samples, or the two count different features.

    Notes
    -----
    The trace of `(C1 C2)^(1/2)` is the sum of the singular values of `M = A B^T` for any A and B
    with `A^T A = C1` and `B^T B = C2`: the centred samples where there are no more of them than
    features, else the Cholesky factors. Their squares are the eigenvalues of `M M^T`, which take
    half the time. Small singular values lose digits in the square, so the error this can make in
    the sum is bounded, and where it could reach 1e-7 of the distance the singular values are
    computed themselves. The square root of an unsymmetric matrix is never needed.

    References
    ----------
    Heusel et al., "GANs trained by a two time-scale update rule", 2017, arXiv:1706.08500.
    """
    if first.features != second.features:
        raise DataError(
            f"statistics of {first.features} and of {second.features} features have no distance: "
            "use one feature extractor for both."
        )
    # All in NumPy: threads of torch that wait for more to do would hold up those of its BLAS.
    first_root, second_root = first.root.numpy(), second.root.numpy()
    shift = (first.mean - second.mean).numpy()
    apart = sum(float(np.vdot(part, part)) for part in (shift, first_root, second_root))
    product = first_root @ second_root.T
    # Samples less their mean are one short of independent.
    rank = min(first.count - 1, second.count - 1, first.features)
    overlap, error = _overlap_by_squares(product, rank)
    if 2 * error > _TOLERANCE * (apart - 2 * overlap):
        overlap = float(np.linalg.svd(product, compute_uv=False).sum())
    return max(apart - 2 * overlap, 0.0)


def _overlap_by_squares(product: npt.NDArray[np.float64], rank: int) -> tuple[float, float]:
    """Return the sum of the singular values of a matrix of at most this rank, and its error."""
    matrix = product if len(product) <= product.shape[1] else product.T
    squares = np.linalg.eigvalsh(matrix @ matrix.T)[-rank:]
    values = np.sqrt(np.maximum(squares, 0))
    rounding = _ROUNDINGS * np.finfo(np.float64).eps * max(squares[-1], 0)
    # The root of s^2 + r is off by r / 2s, and by the root of r at the most.
    least = math.sqrt(rounding)
    errors = rounding / np.maximum(2 * values, max(least, np.finfo(np.float64).tiny))
    return float(values.sum()), float(errors.sum())


def _scatter_of(samples: list[Tensor], mean: Tensor) -> Tensor:
    if not samples:
        return torch.zeros(len(mean), len(mean), dtype=torch.float64)
    centred = (torch.cat(samples) - mean).numpy()
    # NumPy knows a product with its own transpose, and makes half of it.
    return torch.from_numpy(centred.T @ centred)


def _root_of(covariance: Tensor) -> Tensor:
    factor, failed = torch.linalg.cholesky_ex(covariance)
    if int(failed):
        # Singular, as with features that are always zero. Rounding leaves eigenvalues a little
        # below zero.
        values, vectors = torch.linalg.eigh(covariance)
        factor = vectors * values.clamp(min=0).sqrt()
    root: Tensor = factor.T
    return root
