"""How much detail of every size images hold: their power over spatial frequency."""

from functools import lru_cache

import torch
from torch import Tensor

from mrigen.errors import DataError

#: Power of the noise that rounding to 8 bits leaves: what lies below is in no image handed out.
ROUNDING_POWER = 1 / 255**2 / 12

_IMAGES = 256  # at a time, for the memory of their transforms


def radial_power(images: Tensor) -> Tensor:
    """Return each image's power over spatial frequency, averaged over all directions.

    Parameters
    ----------
    images : (N, 1, H, W) float32 in [0, 1], H and W at least 2

    Returns
    -------
    (N, R) float64, at least 0, with R = min(H, W) // 2
        Column `r - 1` holds the frequencies within half a cycle of r cycles over the image's
        shorter side, up to the finest that both sides can show. White noise of variance v has
        the power v at every frequency and in every size of image.

    Raises
    ------
    DataError
        If the images do not have this shape, or a value is not finite.

    Notes
    -----
    `|DFT(image - mean)|^2 / (H W)`, without a window. Slices are dark at their border, so that
    there is no jump for a window to hide; it would only hide what a generator draws there.
    """
    if images.ndim != 4 or images.shape[1] != 1 or min(images.shape[2:]) < 2:
        raise DataError(
            f"images of shape {tuple(images.shape)} have no spectrum: expected (N, 1, H, W) of at "
            "least 2 x 2 pixels."
        )
    if not bool(images.isfinite().all()):
        raise DataError(
            "images with values that are not finite have no spectrum: expected numbers."
        )
    height, width = images.shape[2:]
    ring, size = _rings(height, width)
    power = torch.zeros(len(images), len(size), dtype=torch.float64)
    for start in range(0, len(images), _IMAGES):
        part = images[start : start + _IMAGES, 0].detach().to("cpu", torch.float64)
        part = part - part.mean(dim=(1, 2), keepdim=True)
        squares = torch.fft.fft2(part).abs().square().flatten(1) / (height * width)
        power[start : start + _IMAGES].index_add_(1, ring, squares[:, _inside(height, width)])
    return power / size


def spectrum_distance(first: Tensor, second: Tensor) -> float:
    """Return how far two sets of images are apart in power, averaged over frequencies.

    Parameters
    ----------
    first, second : (n, R) and (m, R) as `radial_power` returns them

    Returns
    -------
    float
        In decibels, at least 0: the mean over the R frequencies of `|10 log10(p1 / p2)|`, where
        p1 and p2 are the sets' mean powers. At 3 dB the power is off by a factor of two.
        Powers below `ROUNDING_POWER` count as that.

    Raises
    ------
    DataError
        If a set is empty, or the two are of images of other sizes.
    """
    if first.ndim != 2 or first.shape[1:] != second.shape[1:] or not (len(first) and len(second)):
        raise DataError(
            f"powers of shape {tuple(first.shape)} and {tuple(second.shape)} cannot be compared: "
            "expected (n, R) and (m, R) of at least one image each. Use images of one size."
        )
    levels = [10 * power.mean(0).clamp(min=ROUNDING_POWER).log10() for power in (first, second)]
    return float((levels[0] - levels[1]).abs().mean())


@lru_cache(maxsize=8)
def _rings(height: int, width: int) -> tuple[Tensor, Tensor]:
    """Return the ring of each frequency that is in one, and how many frequencies each has."""
    ring = _radii(height, width)[_inside(height, width)] - 1
    return ring, ring.bincount(minlength=min(height, width) // 2).double()


def _inside(height: int, width: int) -> Tensor:
    radii = _radii(height, width)
    return (radii > 0) & (radii <= min(height, width) // 2)


@lru_cache(maxsize=8)
def _radii(height: int, width: int) -> Tensor:
    down = torch.fft.fftfreq(height, dtype=torch.float64)[:, None]
    along = torch.fft.fftfreq(width, dtype=torch.float64)[None, :]
    cycles: Tensor = (down.square() + along.square()).sqrt() * min(height, width)
    return cycles.round().long().flatten()
