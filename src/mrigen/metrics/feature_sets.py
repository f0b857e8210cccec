"""Sets of feature vectors, and the distances between their members."""

from collections.abc import Iterator

import torch
from torch import Tensor

from mrigen.errors import DataError

#: Distances in memory at a time, 32 MiB of float64.
_BLOCK = 2**22


def checked_features(features: Tensor, *, least: int = 1, what: str = "features") -> Tensor:
    """Return (n, F) features in float64 on the CPU, without their gradient.

    Parameters
    ----------
    features : (n, F) of any floating type
    least
        The fewest samples that will do.
    what
        They are called in an error.

    Raises
    ------
    DataError
        If the shape is another one, there are too few, or a value is not finite.
    """
    if features.ndim != 2 or len(features) < least or not features.shape[1]:
        raise DataError(
            f"{what} have the shape {tuple(features.shape)}: expected (n, features) with at least "
            f"{least} samples. Evaluate more images."
        )
    features = features.detach().to("cpu", torch.float64)
    if not bool(features.isfinite().all()):
        raise DataError(
            f"{what} hold values that are not finite: expected numbers. Look at the images they "
            "were made from."
        )
    return features


def require_same_features(first: Tensor, second: Tensor) -> None:
    """Raise a `DataError` unless both sets have the same number of features."""
    if first.shape[1] != second.shape[1]:
        raise DataError(
            f"sets of {first.shape[1]} and of {second.shape[1]} features cannot be compared: use "
            "one feature extractor for both."
        )


def distance_rows(queries: Tensor, references: Tensor) -> Iterator[Tensor]:
    """Yield the Euclidean distances of each query to every reference, some queries at a time.

    Parameters
    ----------
    queries, references : (n, F) and (m, F) float64

    Yields
    ------
    (rows, m) float64

    Notes
    -----
    From the differences themselves: squares minus products would be some ten times as fast, but
    loses the small distances, on which copies are recognised. A pair has the same distance to
    the last bit wherever it stands, either way round, and equal vectors have the distance 0.
    """
    step = max(_BLOCK // max(len(references), 1), 1)
    for start in range(0, len(queries), step):
        yield torch.cdist(
            queries[start : start + step],
            references,
            compute_mode="donot_use_mm_for_euclid_dist",
        )
