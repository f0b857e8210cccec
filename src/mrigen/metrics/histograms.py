"""Which intensities images hold, and how far two sets lie apart in them."""

import torch
from torch import Tensor

from mrigen.errors import DataError

#: Grey values of the 8 bits in which images are handed out.
LEVELS = 256

_IMAGES = 256  # at a time, for the memory of their indices


def histogram(images: Tensor, *, bins: int = LEVELS) -> Tensor:
    """Return the share of each image's pixels at each intensity.

    Parameters
    ----------
    images : (N, 1, H, W) float32 in [0, 1]
    bins
        At least two intensities at even distances from 0 to 1, both included; a pixel counts for
        the nearest. The default is exact for images of 8 bits.

    Returns
    -------
    (N, bins) float64, every row adding up to 1

    Raises
    ------
    DataError
        If the images do not have this shape or a value is outside [0, 1].
    """
    if images.ndim != 4 or images.shape[1] != 1 or not images[:1].numel() or bins < 2:
        raise DataError(
            f"images of shape {tuple(images.shape)} have no histogram of {bins} bins: expected "
            "at least one image in (N, 1, H, W), and two bins."
        )
    # Written so that a value that is no number is refused too.
    if not bool(((images >= 0) & (images <= 1)).all()):
        raise DataError("images with values outside [0, 1] have no histogram: bring them into it.")
    starts = range(0, len(images), _IMAGES)
    counts = torch.cat([_counts(images[start : start + _IMAGES], bins) for start in starts])
    return counts / images[0].numel()


def histogram_distance(first: Tensor, second: Tensor) -> float:
    """Return how far the intensities of two sets of images lie apart.

    Parameters
    ----------
    first, second : (n, bins) and (m, bins) as `histogram` returns them

    Returns
    -------
    float
        In [0, 1]: the Wasserstein-1 distance between the mean histograms, which is the change of
        intensity that a pixel needs on average to turn one set's histogram into the other's.

    Raises
    ------
    DataError
        If a set is empty, or the two have other numbers of bins.

    References
    ----------
    In one dimension the distance is the area between the two distribution functions:
    Vallender 1974, doi:10.1137/1118101.
    """
    if first.ndim != 2 or first.shape[1:] != second.shape[1:] or not (len(first) and len(second)):
        raise DataError(
            f"histograms of shape {tuple(first.shape)} and {tuple(second.shape)} cannot be "
            "compared: expected (n, bins) and (m, bins) of at least one image each."
        )
    difference = (first.mean(0) - second.mean(0)).cumsum(0)
    # Beyond the last intensity both are 1, but for rounding.
    return float(difference[:-1].abs().sum()) / (first.shape[1] - 1)


def _counts(images: Tensor, bins: int) -> Tensor:
    count = len(images)
    nearest = (images.detach().to("cpu", torch.float64) * (bins - 1)).round().long()
    places = nearest.flatten(1) + bins * torch.arange(count)[:, None]
    return places.flatten().bincount(minlength=count * bins).view(count, bins).double()
