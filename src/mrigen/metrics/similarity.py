"""How close images are to their references: MSE, PSNR and SSIM, on slices and on patches.

Every function takes images by the image convention, float32 (N, 1, H, W) in [0, 1], computes in
float64 and answers one value per image. The data range is therefore always 1 and never guessed
from the images, which would make the same picture score differently in different company.

Patches are the bounding rectangles of masks: the smallest upright rectangle that holds every
marked pixel of one image.
"""

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from mrigen.errors import DataError

#: PSNR of images that agree to better than a mean squared error of 1e-10, far below the step of
#: eight-bit pixels (1.3e-6). A finite ceiling keeps means, charts and JSON free of infinity.
MAX_PSNR_DB = 100.0

_WINDOW = 11
_MARGIN = _WINDOW // 2
_SIGMA = 1.5
_K1, _K2 = 0.01, 0.03


class Rectangle(NamedTuple):
    """An upright rectangle of pixels; `bottom` and `right` lie just outside it."""

    top: int
    bottom: int
    left: int
    right: int


def mse(images: Tensor, reference: Tensor) -> Tensor:
    """Return the mean squared error of each image.

    Parameters
    ----------
    images, reference : (N, 1, H, W) float32 in [0, 1]

    Returns
    -------
    (N,) float64

    Raises
    ------
    DataError
        If the two do not have the same shape, or not this one.
    """
    images, reference = _checked(images, reference)
    return (images - reference).square().mean(dim=(1, 2, 3))


def psnr(images: Tensor, reference: Tensor) -> Tensor:
    """Return the peak signal-to-noise ratio of each image in dB, for a peak of 1.

    Parameters
    ----------
    images, reference : (N, 1, H, W) float32 in [0, 1]

    Returns
    -------
    (N,) float64, at most `MAX_PSNR_DB`, which is also the value of an image without any error

    Raises
    ------
    DataError
        If the two do not have the same shape, or not this one.
    """
    return _decibel(mse(images, reference))


def ssim(images: Tensor, reference: Tensor) -> Tensor:
    """Return the structural similarity of each image: the mean of its `ssim_map`.

    Parameters
    ----------
    images, reference : (N, 1, H, W) float32 in [0, 1], H and W at least 11

    Returns
    -------
    (N,) float64, at most 1

    Raises
    ------
    DataError
        If the shapes differ, or the images are smaller than the window.
    """
    return ssim_map(images, reference).mean(dim=(1, 2, 3))


def ssim_map(images: Tensor, reference: Tensor) -> Tensor:
    """Return the structural similarity around each pixel whose window fits into the image.

    Parameters
    ----------
    images, reference : (N, 1, H, W) float32 in [0, 1], H and W at least 11

    Returns
    -------
    (N, 1, H - 10, W - 10) float64; entry (y, x) belongs to the pixel (y + 5, x + 5)

    Raises
    ------
    DataError
        If the shapes differ, or the images are smaller than the window.

    Notes
    -----
    A two-dimensional Gaussian window of 11 pixels with sigma 1.5, K1 = 0.01, K2 = 0.03,
    population covariance and no padding, as in the paper and in `tf.image.ssim`. In scikit-image
    these are `gaussian_weights=True, sigma=1.5, use_sample_covariance=False, data_range=1`.

    References
    ----------
    Wang et al., "Image quality assessment", 2004, doi:10.1109/TIP.2003.819861.
    """
    x, y = _checked(images, reference)
    if min(x.shape[2:]) < _WINDOW:
        raise DataError(
            f"images of {x.shape[2]} x {x.shape[3]} pixels have no SSIM: expected at least "
            f"{_WINDOW} x {_WINDOW}. Evaluate larger slices."
        )
    moments = _blur(torch.cat([x, y, x * x, y * y, x * y]))
    mean_x, mean_y, square_x, square_y, product = moments.chunk(5)
    variance_x, variance_y = square_x - mean_x.square(), square_y - mean_y.square()
    covariance = product - mean_x * mean_y
    luminance = (2 * mean_x * mean_y + _K1**2) / (mean_x.square() + mean_y.square() + _K1**2)
    structure = (2 * covariance + _K2**2) / (variance_x + variance_y + _K2**2)
    return luminance * structure


def patch_mse(images: Tensor, reference: Tensor, mask: Tensor) -> Tensor:
    """Return the mean squared error over the bounding rectangle of each image's mask.

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
    errors = torch.sub(*_checked(images, reference)).square()
    return _rectangle_means(errors, _rectangles_for(images, mask))


def patch_psnr(images: Tensor, reference: Tensor, mask: Tensor) -> Tensor:
    """Return the PSNR in dB over the bounding rectangle of each image's mask, for a peak of 1.

    Parameters
    ----------
    images, reference : (N, 1, H, W) float32 in [0, 1]
    mask : (N, 1, H, W) bool, at least one pixel of each image marked

    Returns
    -------
    (N,) float64, at most `MAX_PSNR_DB`

    Raises
    ------
    DataError
        If shapes differ or a mask is empty.
    """
    return _decibel(patch_mse(images, reference, mask))


def patch_ssim(images: Tensor, reference: Tensor, mask: Tensor) -> Tensor:
    """Return the mean of the `ssim_map` over the bounding rectangle of each image's mask.

    Parameters
    ----------
    images, reference : (N, 1, H, W) float32 in [0, 1], H and W at least 11
    mask : (N, 1, H, W) bool, at least one pixel of each image marked

    Returns
    -------
    (N,) float64, at most 1

    Raises
    ------
    DataError
        If shapes differ, a mask is empty, or the images are smaller than the window.

    Notes
    -----
    The patch is not cut out first: a patch smaller than the window would have no SSIM, and a cut
    edge would hide whether the patch joins its surroundings. Each pixel of the rectangle counts
    with the window around it, which reaches five pixels further. Pixels within five of the
    image's edge have no window that fits; the nearest pixels that have one stand in for them.
    """
    similarity = ssim_map(images, reference)
    rectangles = _rectangles_for(images, mask)
    return _rectangle_means(similarity, [_in_map(r, similarity) for r in rectangles])


def bounding_rectangles(mask: Tensor) -> list[Rectangle]:
    """Return the smallest rectangle that holds the marked pixels of each mask.

    Parameters
    ----------
    mask : (N, 1, H, W) bool

    Raises
    ------
    DataError
        If a mask marks nothing.
    """
    rectangles = []
    for number, marked in enumerate(mask[:, 0]):
        rows, columns = marked.any(1).nonzero(), marked.any(0).nonzero()
        if not len(rows):
            raise DataError(
                f"mask {number} marks no pixel, so it has no patch: expected at least one. "
                "Measure patches of damaged images only."
            )
        rectangles.append(
            Rectangle(int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1)
        )
    return rectangles


def _checked(images: Tensor, reference: Tensor) -> tuple[Tensor, Tensor]:
    if images.shape != reference.shape or images.ndim != 4 or images.shape[1] != 1:
        raise DataError(
            f"images of shape {tuple(images.shape)} cannot be compared with references of shape "
            f"{tuple(reference.shape)}: expected the same (N, 1, H, W) for both."
        )
    return images.double(), reference.double()


def _rectangles_for(images: Tensor, mask: Tensor) -> list[Rectangle]:
    if mask.shape != images.shape or mask.dtype != torch.bool:
        raise DataError(
            f"a mask of shape {tuple(mask.shape)} and type {mask.dtype} does not fit images of "
            f"shape {tuple(images.shape)}: expected the same shape and torch.bool."
        )
    return bounding_rectangles(mask)


def _decibel(error: Tensor) -> Tensor:
    return -10 * error.clamp(min=10 ** (-MAX_PSNR_DB / 10)).log10()


def _blur(images: Tensor) -> Tensor:
    # The Gaussian window is the outer product of two lines: 22 products a pixel, not 121.
    offsets = torch.arange(_WINDOW, dtype=images.dtype, device=images.device) - _MARGIN
    line = torch.exp(-offsets.square() / (2 * _SIGMA**2))
    line = line / line.sum()
    columns = functional.conv2d(images, line.view(1, 1, -1, 1))
    return functional.conv2d(columns, line.view(1, 1, 1, -1))


def _in_map(rectangle: Rectangle, similarity: Tensor) -> Rectangle:
    height, width = similarity.shape[2:]
    top, bottom = _in_line(rectangle.top, rectangle.bottom, height)
    left, right = _in_line(rectangle.left, rectangle.right, width)
    return Rectangle(top, bottom, left, right)


def _in_line(start: int, stop: int, length: int) -> tuple[int, int]:
    first = min(max(start - _MARGIN, 0), length - 1)
    last = min(max(stop - 1 - _MARGIN, 0), length - 1)
    return first, last + 1


def _rectangle_means(values: Tensor, rectangles: list[Rectangle]) -> Tensor:
    means = [
        value[0, top:bottom, left:right].mean()
        for value, (top, bottom, left, right) in zip(values, rectangles, strict=True)
    ]
    return torch.stack(means) if means else values.new_zeros(0)
