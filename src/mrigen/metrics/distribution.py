"""Distances between sets of images, from the mean and covariance of their features."""

import math

import torch
from torch import Tensor

from mrigen.errors import DataError


class FeatureStatistics:
    """Mean and covariance of features, streamed in float64.

    The order and the size of the updates do not matter beyond rounding. As long as there are no
    more samples than features, the samples are kept too: they are then smaller than the
    covariance, and a distance from them is faster and more exact.

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
        self._scatter = torch.zeros(features, features, dtype=torch.float64)
        self._samples: list[Tensor] | None = []

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
        samples = samples.detach().to("cpu", torch.float64)
        if not bool(samples.isfinite().all()):
            raise DataError(
                "features hold values that are not finite: expected numbers. Look at the images "
                "they were made from."
            )
        if len(samples):
            mean = samples.mean(0)
            centred = samples - mean
            self._add(len(samples), mean, centred.T @ centred, [samples])

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
        if other.count:
            self._add(other.count, other.mean, other._scatter, other._samples)

    @property
    def covariance(self) -> Tensor:
        """Sample covariance, (features, features) float64.

        Raises
        ------
        DataError
            If fewer than two samples were seen.
        """
        self._require_spread()
        return self._scatter / (self.count - 1)

    @property
    def total_variance(self) -> float:
        """Sum of the features' variances: the trace of the covariance."""
        self._require_spread()
        return float(self._scatter.trace()) / (self.count - 1)

    @property
    def root(self) -> Tensor | None:
        """A matrix whose Gram matrix over samples is the covariance, while samples are kept.

        (count, features) float64: the centred samples over the square root of count - 1.
        """
        self._require_spread()
        if self._samples is None:
            return None
        centred = torch.cat(self._samples) - self.mean
        return centred / math.sqrt(self.count - 1)

    def _add(self, count: int, mean: Tensor, scatter: Tensor, samples: list[Tensor] | None) -> None:
        # The pairwise update of Chan, Golub and LeVeque: no sum of squares, so no cancellation.
        total = self.count + count
        shift = mean - self.mean
        self._scatter += scatter + torch.outer(shift, shift) * (self.count * count / total)
        self.mean = self.mean + shift * (count / total)
        self.count = total
        if self._samples is None or samples is None or total > self.features:
            self._samples = None
        else:
            self._samples = [*self._samples, *samples]

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
    The trace of `(C1 C2)^(1/2)` is the sum of the singular values of `A B^T` for any A and B
    with `A^T A = C1` and `B^T B = C2`. With no more samples than features, A and B are the
    centred samples and `A B^T` is a small matrix; otherwise two symmetric eigen-decompositions
    give the same number. Neither needs the square root of an unsymmetric matrix.

    References
    ----------
    Heusel et al., "GANs trained by a two time-scale update rule", 2017, arXiv:1706.08500.
    """
    if first.features != second.features:
        raise DataError(
            f"statistics of {first.features} and of {second.features} features have no distance: "
            "use one feature extractor for both."
        )
    spread = first.total_variance + second.total_variance
    shift = float((first.mean - second.mean).square().sum())
    first_root, second_root = first.root, second.root
    if first_root is not None and second_root is not None:
        overlap = float(torch.linalg.svdvals(first_root @ second_root.T).sum())
    else:
        overlap = _overlap_of_covariances(first.covariance, second.covariance)
    return max(shift + spread - 2 * overlap, 0.0)


def _overlap_of_covariances(first: Tensor, second: Tensor) -> float:
    values, vectors = torch.linalg.eigh(first)
    # Rounding leaves eigenvalues of a singular covariance a little below zero.
    root = vectors * values.clamp(min=0).sqrt()
    return float(torch.linalg.eigvalsh(root.T @ second @ root).clamp(min=0).sqrt().sum())
