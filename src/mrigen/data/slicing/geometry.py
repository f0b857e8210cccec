"""Slices of a volume as square pictures: which way up, how large, and where in the scanner."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Self

import numpy as np
import numpy.typing as npt
from pydantic import Field, model_validator

from mrigen.config import Config
from mrigen.data.records import Plane
from mrigen.data.slicing.resampling import (
    Axis,
    FloatArray,
    Number,
    Resample,
    resample,
    take_nearest,
)
from mrigen.data.volumes.headers import Affine
from mrigen.errors import DataError

Display = Literal["radiological", "neurological"]
Point = tuple[float, float, float]

SLICE_AXIS: dict[Plane, int] = {"sagittal": 0, "coronal": 1, "axial": 2}


class GeometryConfig(Config):
    """How a slice is laid into its square picture.

    Attributes
    ----------
    display
        "radiological" shows the patient's right on the left of axial and coronal pictures,
        "neurological" on the right. Sagittal pictures look to the left in both.
    fit
        "pad" keeps pixels square in millimetres: the longer side of the field of view fills the
        picture and the shorter is padded with black. "stretch" squeezes both sides to the
        picture, as three of the studies did.
    resample
        "area" averages where it shrinks and interpolates linearly where it enlarges; "bilinear"
        interpolates between the nearest voxels whatever the factor (TensorFlow's `tf.image.resize`,
        OpenCV's `INTER_LINEAR`); "nearest" takes the voxel under the pixel's centre (Keras'
        `flow_from_directory`).
    centre
        What lies in the middle of the picture and at 0 mm: the field of view, the brain mask's
        centre of mass, or that of the foreground.
    field_mm
        Side of the picture in millimetres; None fits the field of view. Only with "pad".
    """

    display: Display = "radiological"
    fit: Literal["pad", "stretch"] = "pad"
    resample: Resample = "area"
    centre: Literal["field_of_view", "brain", "foreground"] = "field_of_view"
    field_mm: float | None = Field(default=None, gt=0, le=1000)

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.fit == "stretch" and (self.field_mm is not None or self.centre != "field_of_view"):
            raise ValueError(
                "fit: pad where field_mm or a centre is set, as stretching fills the picture"
            )
        return self


def frames(slices: npt.NDArray[Number], plane: Plane, display: Display) -> npt.NDArray[Number]:
    """Turn slices the way they are looked at; a view, whatever their type.

    Axial pictures have the front at the top; coronal and sagittal ones have the crown there.
    Sagittal pictures look to the left.

    Parameters
    ----------
    slices : (N, A, B)
        A and B are the two axes of the plane in the order x, y, z of RAS+.
    plane
        Direction of the cut.
    display
        "radiological" has the patient's right on the left, "neurological" on the right.

    Returns
    -------
    (N, B, A)
        Rows from the top, columns from the left.
    """
    columns = slice(None, None, -1 if is_mirrored(plane, display) else 1)
    return slices[:, columns, ::-1].transpose(0, 2, 1)


def is_mirrored(plane: Plane, display: Display) -> bool:
    """Tell whether columns of a picture run against their axis of RAS+; rows always do."""
    # RAS+ grows to the right, like columns, and to the front, where sagittal columns begin.
    return display == "radiological" or plane == "sagittal"


@dataclass(frozen=True, eq=False)
class Layout:
    """How the slices of one volume lie in their square pictures.

    Attributes
    ----------
    rows, columns
        Pixels over the voxels of a frame.
    method
        Of resampling.
    pixel_height_mm, pixel_width_mm
        Size of a pixel.
    slice_centre
        Which slice lies at 0 mm; may lie between two.
    slice_spacing_mm
        Distance between neighbouring slices.
    to_voxel : (4, 4) float64
        (column, row, slice index, 1) of a picture to voxel indices in RAS+.
    """

    rows: Axis
    columns: Axis
    method: Resample
    pixel_height_mm: float
    pixel_width_mm: float
    slice_centre: float
    slice_spacing_mm: float
    to_voxel: Affine

    def position_mm(self, indices: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
        """Return the distance of slices from the centre; right, front and top are positive."""
        return (indices.astype(np.float64) - self.slice_centre) * self.slice_spacing_mm

    def resample(self, frames: FloatArray) -> FloatArray:
        """Resample pictures.

        Parameters
        ----------
        frames : (N, rows, columns) float32 in [0, 1]
            In display order.

        Returns
        -------
        (N, size, size) float32 in [0, 1]
            0 where the volume ends.
        """
        pictures = resample(frames, self.rows, self.columns, self.method)
        # Shares sum to 1 but for a rounding error.
        return np.clip(pictures, 0, 1, out=pictures)

    def resample_labels(self, frames: npt.NDArray[np.integer]) -> npt.NDArray[np.uint8]:
        """Take the label under the middle of each pixel, 0 where the volume ends.

        Parameters
        ----------
        frames : (N, rows, columns) whole numbers from 0 to 255
            In display order.

        Returns
        -------
        (N, size, size) uint8
        """
        return take_nearest(frames, self.rows, self.columns).astype(np.uint8)

    def affine(self, affine: Affine) -> Affine:
        """Return the way from (column, row, slice index, 1) of a picture to millimetres in RAS+.

        Parameters
        ----------
        affine : (4, 4) float64
            Of the volume, from voxel indices in RAS+.
        """
        return affine @ self.to_voxel


def lay_out(
    plane: Plane,
    shape: Sequence[int],
    spacing_mm: Sequence[float],
    config: GeometryConfig,
    *,
    size: int,
    centre_voxel: Point | None = None,
) -> Layout:
    """Plan the pictures of one volume.

    Parameters
    ----------
    plane
        Direction of the cut.
    shape, spacing_mm
        Voxels along x, y and z in RAS+, and their size.
    config
        What fills the picture, and how it is resampled.
    size
        Pixels along each side.
    centre_voxel
        Which point lies in the middle of the picture and at 0 mm; None is the middle of the volume.
    """
    across, along = (axis for axis in range(3) if axis != SLICE_AXIS[plane])
    centre = centre_voxel or tuple((count - 1) / 2 for count in shape)
    mirrored = {across: is_mirrored(plane, config.display), along: True}
    extents = {axis: shape[axis] * spacing_mm[axis] for axis in (across, along)}
    field_mm = config.field_mm or max(extents.values())
    axes, pixels = {}, {}
    to_voxel = np.zeros((4, 4))
    to_voxel[SLICE_AXIS[plane], 2] = to_voxel[3, 3] = 1
    for place, (axis, extent) in enumerate(extents.items()):
        covered = extent if config.fit == "stretch" else field_mm
        last, sign = (shape[axis] - 1, -1) if mirrored[axis] else (0, 1)
        axes[axis] = Axis(
            count=shape[axis],
            size=size,
            centre=last + sign * centre[axis],
            span=shape[axis] if covered == extent else covered / spacing_mm[axis],
        )
        pixels[axis] = covered / size
        to_voxel[axis, place] = sign * axes[axis].ratio
        to_voxel[axis, 3] = last + sign * axes[axis].first
    return Layout(
        rows=axes[along],
        columns=axes[across],
        method=config.resample,
        pixel_height_mm=pixels[along],
        pixel_width_mm=pixels[across],
        slice_centre=centre[SLICE_AXIS[plane]],
        slice_spacing_mm=spacing_mm[SLICE_AXIS[plane]],
        to_voxel=to_voxel,
    )


def centre_of_mass(mask: npt.NDArray[np.bool_]) -> Point:
    """Return the mean voxel index of a mask along x, y and z.

    Raises
    ------
    DataError
        If the mask is empty.
    """
    flat = mask.sum(axis=2, dtype=np.int64)
    along = (flat.sum(axis=1), flat.sum(axis=0), mask.sum(axis=(0, 1), dtype=np.int64))
    total = int(along[0].sum())
    if not total:
        raise DataError(
            "nothing of the volume is inside the mask that the geometry is centred on: expected a "
            "head. Set the dataset's geometry.centre to 'field_of_view'."
        )
    x, y, z = (float(counts @ np.arange(len(counts)) / total) for counts in along)
    return x, y, z
