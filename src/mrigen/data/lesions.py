"""Lesions of known contrast in slices that have none, so that it is known what is to be found."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from scipy import ndimage
from torch import Tensor

from mrigen.errors import DataError
from mrigen.seeds import rng

#: Grey values above which a pixel is head rather than air.
AIR = 0.05

_RIM = 0.3  # share of the radius over which a lesion rises from half its contrast to all of it
_Mask = npt.NDArray[np.bool_]


class Inserted(NamedTuple):
    """Slices with lesions.

    Attributes
    ----------
    images : (N, 1, H, W) float32 in [0, 1]
    masks : (N, 1, H, W) bool
        The pixels of the lesions; empty for a slice without a head in it, which stays as it was.
    """

    images: Tensor
    masks: Tensor


def insert_lesions(
    images: Tensor,
    rows: Sequence[int] | npt.NDArray[np.int64],
    *,
    contrast: float,
    radius: tuple[float, float],
    seed: int,
) -> Inserted:
    """Put one lesion into each slice: an ellipse, brighter or darker than what was there.

    Parameters
    ----------
    images : (N, 1, H, W) float32 in [0, 1]
        Left as they are.
    rows : (N,)
        A number of each slice, such as its row in the manifest. Seed and row alone decide where
        the lesion lies in a given slice and what shape it has, at every contrast.
    contrast
        In [0, 1]: how much brighter or darker, in grey values. Half of it at the rim, where a
        pixel holds both; less where black or white is reached. Lesions of contrast 0 are marked
        without showing.
    radius
        The least and the most of both half-axes, in image heights.
    seed
        Of the draws.

    Returns
    -------
    Inserted
        Nothing outside the masks is changed.

    Raises
    ------
    DataError
        If there is not one row for each image, or the radii are no range of positive numbers.

    Notes
    -----
    The centre is drawn among the pixels of the head that are at least the longer half-axis away
    from its outline; in a small head it is the pixel that is furthest from it. A lesion is bright
    or dark by chance unless its centre has room for one of the two only. Real lesions have
    textures, swell, and come in several: what is found here are changes of brightness.
    """
    if len(rows) != len(images):
        raise DataError(
            f"{len(images)} images come with {len(rows)} rows: expected a row for each."
        )
    if not 0 < radius[0] <= radius[1]:
        raise DataError(
            f"lesions of radius {list(radius)}: expected the least and the most, above 0."
        )
    drawn = [
        _insert(image[0].numpy(), contrast, radius, rng(seed, "lesion", int(row)))
        for image, row in zip(images.cpu(), rows, strict=True)
    ]
    if not drawn:
        return Inserted(images, torch.zeros_like(images, dtype=torch.bool))
    changed, masks = zip(*drawn, strict=True)
    return Inserted(
        torch.from_numpy(np.stack(changed))[:, None], torch.from_numpy(np.stack(masks))[:, None]
    )


def head_masks(images: Tensor) -> Tensor:
    """Return which pixels lie within the head: its outline, filled.

    Parameters
    ----------
    images : (N, 1, H, W) float32 in [0, 1]

    Returns
    -------
    (N, 1, H, W) bool
        The largest piece brighter than `AIR`, with all that it encloses; empty for a slice of air.
    """
    masks = [_head(image[0].numpy()) for image in images.cpu()]
    if not masks:
        return torch.zeros_like(images, dtype=torch.bool)
    return torch.from_numpy(np.stack(masks))[:, None]


def _head(pixels: npt.NDArray[np.float32]) -> _Mask:
    pieces, count = ndimage.label(pixels > AIR)
    if not count:
        return np.zeros(pixels.shape, np.bool_)
    largest = int(np.bincount(pieces.ravel())[1:].argmax()) + 1
    return np.asarray(ndimage.binary_fill_holes(pieces == largest), np.bool_)


def _insert(
    pixels: npt.NDArray[np.float32],
    contrast: float,
    radius: tuple[float, float],
    stream: np.random.Generator,
) -> tuple[npt.NDArray[np.float32], _Mask]:
    head = _head(pixels)
    if not head.any():
        return pixels, head
    half_axes = stream.uniform(*radius, size=2) * len(pixels)
    angle, place, toss = stream.uniform(0, np.pi), stream.random(), stream.random()
    row, column = _centre(head, half_axes.max(), place)
    depth = _depth(pixels.shape, (row, column), half_axes, angle)
    profile = 0.5 + 0.5 * _smooth_step(depth / _RIM)
    inside = depth > 0
    sign = _sign(float(pixels[row, column]), contrast, toss)
    changed = np.clip(pixels + sign * contrast * profile, 0, 1)
    return np.where(inside, changed, pixels).astype(np.float32), inside


def _centre(head: _Mask, distance: float, place: float) -> tuple[int, int]:
    """Choose a pixel that is so far from the outline, `place` of the way through all of them."""
    # The edge of the picture is an outline too.
    depth = ndimage.distance_transform_edt(np.pad(head, 1))[1:-1, 1:-1]
    rows, columns = np.nonzero(depth >= min(distance, depth.max()))
    chosen = int(place * len(rows))
    return int(rows[chosen]), int(columns[chosen])


def _depth(
    shape: tuple[int, ...],
    centre: tuple[int, int],
    half_axes: npt.NDArray[np.float64],
    angle: float,
) -> npt.NDArray[np.float64]:
    """Return 1 at the centre of an ellipse, 0 on its outline, and less outside."""
    down, right = (axis - place for axis, place in zip(np.indices(shape), centre, strict=True))
    along = down * np.cos(angle) + right * np.sin(angle)
    across = right * np.cos(angle) - down * np.sin(angle)
    return np.asarray(1 - np.hypot(along / half_axes[0], across / half_axes[1]), np.float64)


def _smooth_step(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    clipped = np.clip(values, 0, 1)
    return np.asarray(clipped * clipped * (3 - 2 * clipped), np.float64)


def _sign(value: float, contrast: float, toss: float) -> int:
    brighter, darker = value + contrast <= 1, value - contrast >= 0
    if brighter == darker:
        return 1 if toss < 0.5 else -1
    return 1 if brighter else -1
