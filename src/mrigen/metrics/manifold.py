"""Where generated features lie among real ones: precision, recall, density and coverage.

Each set is surrounded by balls: around every sample one that reaches to its k-th nearest
neighbour in its own set. What lies in a ball, its border included, passes for one of the set.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from mrigen.errors import DataError
from mrigen.metrics.feature_sets import checked_features, distance_rows, require_same_features


class Prdc(NamedTuple):
    """How two sets lie in each other.

    Attributes
    ----------
    precision
        Share of generated samples inside a ball of the real ones: are they like real slices?
    recall
        Share of real samples inside a ball of the generated ones: is everything real generated?
    density
        How many real balls a generated sample lies in, over k: a precision that one far-out real
        sample cannot raise. Can exceed 1; its expectation between sets of one distribution is 1.
    coverage
        Share of real samples with a generated one in their ball: a recall that a few generated
        samples far out cannot raise.
    """

    precision: float
    recall: float
    density: float
    coverage: float


def prdc(real: Tensor, generated: Tensor, *, neighbours: int) -> Prdc:
    """Return precision, recall, density and coverage of generated samples.

    Parameters
    ----------
    real, generated : (n, F) and (m, F), more samples than neighbours each
        As many of both for a fair comparison: all four depend on the numbers.
    neighbours
        k; the papers take 3 (precision, recall) and 5 (density, coverage).

    Returns
    -------
    Prdc
        In [0, 1] but for the density, which is at least 0.

    Raises
    ------
    DataError
        If a set is too small, holds values that are not finite, or has other features.

    References
    ----------
    Kynkäänniemi et al., "Improved precision and recall metric for assessing generative models",
    2019, arXiv:1904.06991; Naeem et al., "Reliable fidelity and diversity metrics for generative
    models", 2020, arXiv:2002.09797.
    """
    real, generated = _checked(real, generated, neighbours)
    of_real, of_generated = _radii(real, neighbours), _radii(generated, neighbours)
    balls = []
    held = torch.zeros(len(real), dtype=torch.bool)
    for distances in distance_rows(generated, real):
        in_ball = distances <= of_real
        balls.append(in_ball.sum(1))
        held |= in_ball.any(0)
    reached = [(rows <= of_generated).any(1) for rows in distance_rows(real, generated)]
    counts = torch.cat(balls).double()
    return Prdc(
        precision=float((counts > 0).double().mean()),
        recall=float(torch.cat(reached).double().mean()),
        density=float(counts.mean()) / neighbours,
        coverage=float(held.double().mean()),
    )


def inside(real: Tensor, generated: Tensor, *, neighbours: int) -> Tensor:
    """Tell which generated samples lie in a ball of the real ones; their share is the precision.

    Parameters
    ----------
    real, generated : (n, F) and (m, F), more real samples than neighbours
    neighbours
        k.

    Returns
    -------
    (m,) bool

    Raises
    ------
    DataError
        As of `prdc`.
    """
    real, generated = _checked(real, generated, neighbours, least_generated=1)
    radii = _radii(real, neighbours)
    return torch.cat([(rows <= radii).any(1) for rows in distance_rows(generated, real)])


def covered(real: Tensor, generated: Tensor, *, neighbours: int) -> Tensor:
    """Tell which real samples have a generated one in their ball; their share is the coverage.

    Parameters
    ----------
    real, generated : (n, F) and (m, F), more real samples than neighbours
    neighbours
        k.

    Returns
    -------
    (n,) bool

    Raises
    ------
    DataError
        As of `prdc`.
    """
    real, generated = _checked(real, generated, neighbours, least_generated=1)
    nearest = torch.cat([rows.amin(1) for rows in distance_rows(real, generated)])
    return nearest <= _radii(real, neighbours)


def _radii(samples: Tensor, neighbours: int) -> Tensor:
    # A sample is its own nearest: one place further is the k-th other.
    parts = [
        rows.kthvalue(neighbours + 1, dim=1).values for rows in distance_rows(samples, samples)
    ]
    return torch.cat(parts)


def _checked(
    real: Tensor, generated: Tensor, neighbours: int, *, least_generated: int | None = None
) -> tuple[Tensor, Tensor]:
    real = _enough(real, neighbours + 1, "real", neighbours)
    generated = _enough(generated, least_generated or neighbours + 1, "generated", neighbours)
    require_same_features(real, generated)
    return real, generated


def _enough(samples: Tensor, least: int, kind: str, neighbours: int) -> Tensor:
    if neighbours < 1 or (samples.ndim == 2 and len(samples) < least):
        raise DataError(
            f"{len(samples)} {kind} samples have no {neighbours}-th nearest neighbours: expected "
            f"at least {least} samples and one neighbour. Evaluate more images, or use fewer "
            "neighbours."
        )
    return checked_features(samples, what=f"features of {kind} images")
