"""Volumes to square axial pictures, true to scale."""

from typing import Literal, Self

import numpy as np
import numpy.typing as npt
from pydantic import Field, model_validator

from mrigen.config import Config
from mrigen.data.volumes import FloatArray

Plane = Literal["axial", "coronal", "sagittal"]
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

    display: Literal["radiological", "neurological"] = "radiological"
    fit: Literal["pad", "stretch"] = "pad"
    resample: Literal["area", "bilinear", "nearest"] = "area"
    centre: Literal["field_of_view", "brain", "foreground"] = "field_of_view"
    field_mm: float | None = Field(default=None, gt=0, le=1000)

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.fit == "stretch" and (self.field_mm is not None or self.centre != "field_of_view"):
            raise ValueError(
                "fit: pad where field_mm or a centre is set, as stretching fills the picture"
            )
        return self


def axial_pictures(
    array: FloatArray, spacing_mm: tuple[float, float], *, size: int
) -> tuple[FloatArray, float]:
    """Turn axial slices into square pictures in radiological display order.

    Row 0 is anterior and column 0 is the patient's right side, as on a light box: the picture
    shows the patient seen from the feet.

    Parameters
    ----------
    array : (X, Y, N) float32 in [0, 1]
        Slices in RAS+: x to the patient's right, y to the front.
    spacing_mm
        Voxel size along x and y.
    size
        Pixels along each side of a picture.

    Returns
    -------
    pictures : (N, size, size) float32 in [0, 1]
        The longer side of the field of view fills the picture; the shorter is padded with 0.
    pixel_mm
        Size of a pixel, the same in both directions.
    """
    width, height, _ = array.shape
    pixel_mm = max(width * spacing_mm[0], height * spacing_mm[1]) / size
    rows = axis_weights(height, spacing_mm[1], size=size, pixel_mm=pixel_mm)
    columns = axis_weights(width, spacing_mm[0], size=size, pixel_mm=pixel_mm)
    frames = array[::-1, ::-1].transpose(2, 1, 0)
    pictures = _apply(columns, _apply(rows, frames).transpose(0, 2, 1)).transpose(0, 2, 1)
    return pictures.clip(0, 1), pixel_mm


def axis_weights(
    count: int, spacing_mm: float, *, size: int, pixel_mm: float
) -> npt.NDArray[np.float64]:
    """Weights that resample one axis about its centre with an anti-aliasing triangle filter.

    Shrinking averages over a triangle two pixels wide; enlarging interpolates linearly. Pixels
    whose centre lies outside the axis get no weight, which pads them with 0.

    Parameters
    ----------
    count
        Voxels along the axis.
    spacing_mm
        Distance between voxels.
    size
        Pixels to make.
    pixel_mm
        Distance between pixels.

    Returns
    -------
    (size, count) float64
        Rows sum to 1, or to 0 outside the axis.
    """
    pixels = (np.arange(size) - (size - 1) / 2) * pixel_mm
    voxels = (np.arange(count) - (count - 1) / 2) * spacing_mm
    reach = max(pixel_mm, spacing_mm)
    weights = np.clip(1 - np.abs(pixels[:, None] - voxels[None]) / reach, 0, None)
    inside = np.abs(pixels) < count * spacing_mm / 2
    weights[inside] /= weights[inside].sum(axis=1, keepdims=True)
    weights[~inside] = 0
    return weights


def _apply(weights: npt.NDArray[np.float64], frames: FloatArray) -> FloatArray:
    # (size, count) on (N, count, M) to (N, size, M), tap by tap: the rows of `weights` are nearly
    # empty, and a matrix product would give other last bits on other numbers of threads.
    size, count = weights.shape
    first = (weights > 0).argmax(axis=1)
    taps = int((weights > 0).sum(axis=1).max())
    answer = np.zeros((len(frames), size, frames.shape[2]), np.float32)
    for tap in range(taps):
        place = np.minimum(first + tap, count - 1)
        share = np.where(first + tap < count, weights[np.arange(size), place], 0)
        answer += share.astype(np.float32)[:, None] * frames[:, place]
    return answer
