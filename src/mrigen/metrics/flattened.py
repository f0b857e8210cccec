"""Lorente's own measures: SSIM along an image flattened to one row, and a squared mean difference.

They are not what their usual names say, and are here so that his tables can be compared under the
same definitions. Over a patch, the pixels of the bounding rectangle are flattened row by row.
"""

from collections.abc import Callable, Iterable

import torch
from torch import Tensor

from mrigen.errors import DataError
from mrigen.metrics.patches import patch_rectangles
from mrigen.metrics.similarity import checked_pair

#: Neighbouring samples that SSIM compares, and so the least pixels that it needs.
SAMPLES = 7

_K1, _K2 = 0.01, 0.03

# Images of one grey value have no range, and the original divides zero by zero for them.
_LEAST_RANGE = 1e-6


def flattened_ssim(images: Tensor, reference: Tensor) -> Tensor:
    """Return the SSIM of images flattened to one row each.

    Parameters
    ----------
    images, reference : (N, 1, H, W) float32 in [0, 1], of at least 7 pixels
        Predictions, and what they should be: the two are not interchangeable.

    Returns
    -------
    (N,) float64, at most 1

    Raises
    ------
    DataError
        If the shapes differ, or an image has fewer pixels than the window.

    Notes
    -----
    What scikit-image's `structural_similarity` answers to two vectors by default (a uniform window
    of 7 samples, K1 = 0.01, K2 = 0.03, sample covariance, windows that fit only), with the range
    of the *prediction* as `data_range`. Windows reach from the right edge of one row into the left
    of the next, structure from row to row does not count, and a flat prediction shrinks its own
    scale. A prediction of a single grey value is given a range of 1e-6.
    """
    return _each(_row_ssim, zip(*checked_pair(images, reference), strict=True))


def squared_mean_difference(images: Tensor, reference: Tensor) -> Tensor:
    """Return the square of the mean difference of each image: its squared bias, not its MSE.

    Parameters
    ----------
    images, reference : (N, 1, H, W) float32 in [0, 1]

    Returns
    -------
    (N,) float64, at most the mean squared error

    Raises
    ------
    DataError
        If the two do not have the same shape, or not this one.

    Notes
    -----
    Lorente's "MSE", `square(subtract(a, b).mean())`: errors of opposite signs cancel, and an image
    without likeness but with the right mean brightness scores a perfect 0.
    """
    return torch.sub(*checked_pair(images, reference)).mean(dim=(1, 2, 3)).square()


def patch_flattened_ssim(images: Tensor, reference: Tensor, mask: Tensor) -> Tensor:
    """Return `flattened_ssim` of the pixels in the bounding rectangle of each image's mask.

    Parameters
    ----------
    images, reference : (N, 1, H, W) float32 in [0, 1]
    mask : (N, 1, H, W) bool
        The rectangle around the marked pixels of each image has at least 7 pixels.

    Returns
    -------
    (N,) float64, at most 1

    Raises
    ------
    DataError
        If shapes differ, a mask is empty, or a rectangle has fewer pixels than the window.
    """
    return _each(_row_ssim, _patches(images, reference, mask))


def patch_squared_mean_difference(images: Tensor, reference: Tensor, mask: Tensor) -> Tensor:
    """Return `squared_mean_difference` over the bounding rectangle of each image's mask.

    Parameters
    ----------
    images, reference : (N, 1, H, W) float32 in [0, 1]
    mask : (N, 1, H, W) bool, at least one pixel of each image marked

    Returns
    -------
    (N,) float64

    Raises
    ------
    DataError
        If shapes differ or a mask is empty.
    """
    return _each(lambda a, b: (a - b).mean().square(), _patches(images, reference, mask))


def _each(
    measure: Callable[[Tensor, Tensor], Tensor], pairs: Iterable[tuple[Tensor, Tensor]]
) -> Tensor:
    values = [measure(prediction.flatten(), truth.flatten()) for prediction, truth in pairs]
    return torch.stack(values) if values else torch.zeros(0, dtype=torch.float64)


def _patches(images: Tensor, reference: Tensor, mask: Tensor) -> list[tuple[Tensor, Tensor]]:
    first, second = checked_pair(images, reference)
    places = enumerate(patch_rectangles(images, mask))
    return [
        (first[number, 0, top:bottom, left:right], second[number, 0, top:bottom, left:right])
        for number, (top, bottom, left, right) in places
    ]


def _row_ssim(prediction: Tensor, truth: Tensor) -> Tensor:
    if len(prediction) < SAMPLES:
        raise DataError(
            f"{len(prediction)} pixels in a row have no SSIM: expected at least {SAMPLES}. "
            "Measure larger patches."
        )
    spread = (prediction.max() - prediction.min()).clamp(min=_LEAST_RANGE)
    luminance, contrast = (_K1 * spread) ** 2, (_K2 * spread) ** 2
    x, y = prediction.unfold(0, SAMPLES, 1), truth.unfold(0, SAMPLES, 1)
    mean_x, mean_y = x.mean(1), y.mean(1)
    x, y = x - mean_x[:, None], y - mean_y[:, None]
    variances = (x.square() + y.square()).sum(1) / (SAMPLES - 1)
    covariance = (x * y).sum(1) / (SAMPLES - 1)
    likeness = (2 * mean_x * mean_y + luminance) / (mean_x**2 + mean_y**2 + luminance)
    return (likeness * (2 * covariance + contrast) / (variances + contrast)).mean()
