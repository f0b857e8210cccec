"""Maps in millimetres, distances and smooth random fields that demo subjects are made of."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Array = NDArray[np.float32]
Mask = NDArray[np.bool_]
Point = tuple[float, float, float]


@dataclass(frozen=True)
class Grid:
    """Samples of one map: `values[i, j, k]` belongs to `origin_mm + step_mm * (i, j, k)`."""

    values: NDArray[np.uint8] | Array
    origin_mm: Point
    step_mm: float

    def sample(self, points: Array) -> Array:
        """Interpolate at `points` (3, ...) in mm; beyond the edge the last value holds on."""
        origin = np.array(self.origin_mm, np.float32).reshape(3, *[1] * (points.ndim - 1))
        index = (points - origin) / np.float32(self.step_mm)
        result: Array = ndimage.map_coordinates(
            self.values, index, output=np.float32, order=1, mode="nearest"
        )
        return result


def smooth_field(
    rng: np.random.Generator, shape: tuple[int, int, int], knots: float | tuple[float, float, float]
) -> Array:
    """Draw a smooth random field of standard deviation near 1.

    Parameters
    ----------
    rng
        Source of randomness.
    shape
        Shape of the field in voxels.
    knots
        Distance between independent values, in voxels; one for all axes or one each.
    """
    apart = knots if isinstance(knots, tuple) else (knots, knots, knots)
    bases = [_spline_basis(length, gap) for length, gap in zip(shape, apart, strict=True)]
    field = rng.standard_normal([basis.shape[1] for basis in bases]).astype(np.float32)
    # einsum without BLAS: the same bytes whatever the number of threads.
    field = np.einsum("abc,ia->bci", field, bases[0])
    field = np.einsum("bci,jb->cij", field, bases[1])
    result: Array = np.einsum("cij,kc->ijk", field, bases[2])
    return result


def coverage(distance_mm: Array, spacing_mm: float) -> Array:
    """Return the share of a voxel that lies beyond a surface `distance_mm` away, in [0, 1]."""
    share: Array = np.clip(0.5 + distance_mm / np.float32(spacing_mm), 0, 1)
    return share


def signed_distance(mask: Mask, step_mm: float) -> Array:
    """Return the distance in mm from the surface of `mask`, positive outside."""
    outside = ndimage.distance_transform_edt(~mask)
    inside = ndimage.distance_transform_edt(mask)
    # Smoothed, since distances between voxel centres make terraces.
    smooth: Array = ndimage.gaussian_filter((step_mm * (outside - inside)).astype(np.float32), 1.0)
    return smooth


def _spline_basis(length: int, knots: float) -> Array:
    # Cubic B-splines, each row scaled so that a field of unit normals keeps unit variance.
    position = np.arange(length)[:, None] / knots + 1.5
    distance = np.abs(position - np.arange(int(length / knots) + 4)[None, :])
    basis = np.where(
        distance < 1,
        2 / 3 - distance**2 * (1 - distance / 2),
        np.clip(2 - distance, 0, None) ** 3 / 6,
    )
    unit: Array = (basis / np.linalg.norm(basis, axis=1, keepdims=True)).astype(np.float32)
    return unit
