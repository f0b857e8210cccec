"""Pictures from grids of voxels: which voxels a pixel is made of, and in which shares."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

Resample = Literal["area", "bilinear", "nearest"]
FloatArray = npt.NDArray[np.float32]
Number = TypeVar("Number", bound=np.generic)

_FRAMES_AT_ONCE = 32
_PADDING = 16


@dataclass(frozen=True)
class Axis:
    """Pixels over voxels along one direction of a picture.

    Attributes
    ----------
    count
        Voxels.
    size
        Pixels.
    centre
        Where the middle of the pixels lies, in voxels: 0 is the middle of the first voxel.
    span
        How many voxels the pixels cover from edge to edge.
    """

    count: int
    size: int
    centre: float
    span: float

    @property
    def ratio(self) -> float:
        """Voxels from one pixel to the next."""
        return self.span / self.size

    @property
    def first(self) -> float:
        """Where the middle of the first pixel lies, in voxels."""
        return self.centre - (self.size - 1) / 2 * self.ratio


class _Taps(NamedTuple):
    """What one pixel is made of: neighbouring voxels from `start`, and the share of each."""

    pixel: int
    start: int
    shares: tuple[np.float32, ...]


def resample(frames: FloatArray, rows: Axis, columns: Axis, method: Resample) -> FloatArray:
    """Resample pictures along rows, then along columns.

    Shares are multiplied and added one voxel after the other, so that the answer has the same bits
    whatever the number of threads, of frames, or the order in memory.

    Parameters
    ----------
    frames : (N, rows.count, columns.count) float32
    rows, columns
        Where the pixels lie.
    method
        "area", "bilinear" or "nearest", as in `GeometryConfig`.

    Returns
    -------
    (N, rows.size, columns.size) float32
        0 where the middle of a pixel lies outside the frame.
    """
    if method == "nearest":
        return take_nearest(frames, rows, columns)
    answer = np.empty((len(frames), rows.size, columns.size), np.float32)
    row_taps, column_taps = _find_taps(rows, method), _find_taps(columns, method)
    # A few frames at a time stay in the processor's cache.
    for begin in range(0, len(frames), _FRAMES_AT_ONCE):
        block = slice(begin, begin + _FRAMES_AT_ONCE)
        tall = _mix(frames[block].transpose(1, 0, 2), row_taps, rows.size)
        answer[block] = _mix(tall.transpose(2, 1, 0), column_taps, columns.size).transpose(1, 2, 0)
    return answer


def take_nearest(frames: npt.NDArray[Number], rows: Axis, columns: Axis) -> npt.NDArray[Number]:
    """Take the voxel under the middle of each pixel, or 0 outside the frame; keeps the type."""
    answer = np.zeros((len(frames), rows.size, columns.size), frames.dtype)
    (top, row), (left, column) = nearest_voxels(rows), nearest_voxels(columns)
    answer[:, top : top + len(row), left : left + len(column)] = frames[
        :, row[:, None], column[None]
    ]
    return answer


def nearest_voxels(axis: Axis) -> tuple[int, npt.NDArray[np.int64]]:
    """Return the first pixel that lies on the axis, and the voxel under it and under each next.

    Notes
    -----
    Ratios are added up from pixel to pixel, as Pillow does, since a pixel that lies exactly
    between two voxels falls on either side by the rounding errors of that sum.
    """
    steps = np.full(axis.size, axis.ratio)
    steps[0] = axis.centre + 0.5 - axis.span / 2 + axis.ratio * 0.5
    voxels = np.floor(np.add.accumulate(steps)).astype(np.int64)
    inside = np.flatnonzero((voxels >= 0) & (voxels < axis.count))
    return (int(inside[0]) if len(inside) else 0), voxels[inside]


def axis_weights(axis: Axis, method: Literal["area", "bilinear"]) -> npt.NDArray[np.float64]:
    """Weigh the voxels of an axis for each pixel with a triangle filter.

    "bilinear" reaches to the two nearest voxels. "area" does the same where it enlarges; where it
    shrinks, the triangle is two pixels wide, against aliasing.

    Returns
    -------
    (axis.size, axis.count) float64
        Rows sum to 1, or to 0 where the middle of the pixel lies outside the axis.
    """
    from_centre = (np.arange(axis.size) - (axis.size - 1) / 2) * axis.ratio
    voxels = np.arange(axis.count) - axis.centre
    reach = max(axis.ratio, 1.0) if method == "area" else 1.0
    weights = np.clip(1 - np.abs(from_centre[:, None] - voxels[None]) / reach, 0, None)
    inside = (from_centre > -0.5 - axis.centre) & (from_centre < axis.count - 0.5 - axis.centre)
    weights[inside] /= weights[inside].sum(axis=1, keepdims=True)
    weights[~inside] = 0
    return weights


@lru_cache(maxsize=64)
def _find_taps(axis: Axis, method: Literal["area", "bilinear"]) -> tuple[_Taps, ...]:
    # Most scans of a cohort have the same grid, which is worked out once.
    found = []
    for pixel, weights in enumerate(axis_weights(axis, method).astype(np.float32)):
        voxels = np.flatnonzero(weights)
        if len(voxels):
            shares = tuple(weights[voxels[0] : voxels[-1] + 1])
            found.append(_Taps(pixel, int(voxels[0]), shares))
    return tuple(found)


def _mix(stack: FloatArray, taps: Sequence[_Taps], size: int) -> FloatArray:
    # (count, A, B) to (size, A, B).
    voxels = np.ascontiguousarray(stack)
    _, height, width = voxels.shape
    # Rows that lie a power of two apart share a corner of the processor's cache, and turning them
    # afterwards takes five times as long.
    room = np.zeros((size, height * width + _PADDING), np.float32)
    answer = room[:, : height * width].reshape(size, height, width)
    part = np.empty((height, width), np.float32)
    for pixel, start, shares in taps:
        np.multiply(voxels[start], shares[0], out=answer[pixel])
        for voxel, share in enumerate(shares[1:], start + 1):
            np.multiply(voxels[voxel], share, out=part)
            answer[pixel] += part
    return answer
