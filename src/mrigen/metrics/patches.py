"""How close images are to their references where they were damaged: MSE, PSNR, SSIM and DSSIM.

A patch is the bounding rectangle of a mask: the smallest upright rectangle that holds every
marked pixel of one image.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from mrigen.errors import DataError
from mrigen.metrics.similarity import MARGIN, checked_pair, decibel, dissimilarity, ssim_map


class Rectangle(NamedTuple):
    """An upright rectangle of pixels; `bottom` and `right` lie just outside it."""

    top: int
    bottom: int
    left: int
    right: int


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
    errors = torch.sub(*checked_pair(images, reference)).square()
    return _rectangle_means(errors, patch_rectangles(images, mask))


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
    return decibel(patch_mse(images, reference, mask))


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
    rectangles = patch_rectangles(images, mask)
    return _rectangle_means(similarity, [_in_map(r, similarity) for r in rectangles])


def patch_dssim(images: Tensor, reference: Tensor, mask: Tensor) -> Tensor:
    """Return `(1 - SSIM) / 2` over the bounding rectangle of each image's mask.

    Parameters
    ----------
    images, reference : (N, 1, H, W) float32 in [0, 1], H and W at least 11
    mask : (N, 1, H, W) bool, at least one pixel of each image marked

    Returns
    -------
    (N,) float64, from 0, the same patch, to 1

    Raises
    ------
    DataError
        If shapes differ, a mask is empty, or the images are smaller than the window.
    """
    return dissimilarity(patch_ssim(images, reference, mask))


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


def patch_rectangles(images: Tensor, mask: Tensor) -> list[Rectangle]:
    """Return the bounding rectangles of masks that belong to images.

    Raises
    ------
    DataError
        If the mask is not bool of the images' shape, or marks nothing in one of them.
    """
    if mask.shape != images.shape or mask.dtype != torch.bool:
        raise DataError(
            f"a mask of shape {tuple(mask.shape)} and type {mask.dtype} does not fit images of "
            f"shape {tuple(images.shape)}: expected the same shape and torch.bool."
        )
    return bounding_rectangles(mask)


def _in_map(rectangle: Rectangle, similarity: Tensor) -> Rectangle:
    height, width = similarity.shape[2:]
    top, bottom = _in_line(rectangle.top, rectangle.bottom, height)
    left, right = _in_line(rectangle.left, rectangle.right, width)
    return Rectangle(top, bottom, left, right)


def _in_line(start: int, stop: int, length: int) -> tuple[int, int]:
    first = min(max(start - MARGIN, 0), length - 1)
    last = min(max(stop - 1 - MARGIN, 0), length - 1)
    return first, last + 1


def _rectangle_means(values: Tensor, rectangles: list[Rectangle]) -> Tensor:
    means = [
        value[0, top:bottom, left:right].mean()
        for value, (top, bottom, left, right) in zip(values, rectangles, strict=True)
    ]
    return torch.stack(means) if means else values.new_zeros(0)
