"""A stack cut again, across its own slices."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from torch import Tensor

from mrigen.data.records import Plane
from mrigen.data.slicing.geometry import SLICE_AXIS, Display, frames

Picture = npt.NDArray[np.float32]


class PileGeometry(NamedTuple):
    """How slices lie one above the other.

    Attributes
    ----------
    plane, display
        Of the slices.
    pixel_height_mm, pixel_width_mm, spacing_mm
        Sizes of a pixel, and between slices.
    """

    plane: Plane
    display: Display
    pixel_height_mm: float
    pixel_width_mm: float
    spacing_mm: float

    @property
    def others(self) -> list[Plane]:
        """The two planes across the slices."""
        return [plane for plane in ("coronal", "sagittal", "axial") if plane != self.plane]

    def voxel_mm(self) -> tuple[float, float, float]:
        """Return the sizes of a voxel along x, y and z."""
        sizes = [self.pixel_width_mm, self.pixel_height_mm]
        sizes.insert(SLICE_AXIS[self.plane], self.spacing_mm)
        return sizes[0], sizes[1], sizes[2]


def cut_across(stack: Tensor, geometry: PileGeometry, plane: Plane) -> tuple[Picture, float]:
    """Cut a stack through the middle of its pictures, along another plane than its own.

    Parameters
    ----------
    stack : (N, 1, H, W)
        From the lowest slice to the highest.
    geometry
        How it lies.
    plane
        One of `geometry.others`.

    Returns
    -------
    picture : (H, W) float32
        The way slices of that plane are looked at.
    aspect
        Height of its pixels over their width.
    """
    pictures = stack[:, 0].numpy()
    count, height, width = pictures.shape
    shape = [width, height]
    shape.insert(SLICE_AXIS[geometry.plane], count)
    volume = np.empty(shape, np.float32)
    # A view, the way the slices are looked at: what is written there lands on its voxel.
    along = np.moveaxis(volume, SLICE_AXIS[geometry.plane], 0)
    frames(along, geometry.plane, geometry.display)[...] = pictures
    axis = SLICE_AXIS[plane]
    middle = np.moveaxis(volume, axis, 0)[[volume.shape[axis] // 2]]
    sizes = [size for other, size in enumerate(geometry.voxel_mm()) if other != axis]
    return frames(middle, plane, geometry.display)[0], sizes[1] / sizes[0]
