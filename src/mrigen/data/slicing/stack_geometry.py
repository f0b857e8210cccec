"""Where the slices of a dataset lie in a head, so that new ones can be laid there too."""

from typing import Annotated, Literal, Self

import numpy as np
import pandas as pd
from pydantic import Field, model_validator

from mrigen.config import Config
from mrigen.data.loader import TRAIN
from mrigen.data.records import Plane
from mrigen.data.slicing.geometry import SLICE_AXIS, Display, GeometryConfig, is_mirrored
from mrigen.data.volumes.headers import Affine

_SCAN = ["subject", "path", "modality"]
# Beyond these no head is cut, and headers of volumes cannot hold the sizes.
_FEW_MM, _MANY_MM = 1e-3, 10_000

Millimetres = Annotated[float, Field(ge=_FEW_MM, le=_MANY_MM)]
Position = Annotated[float, Field(ge=-_MANY_MM, le=_MANY_MM)]


class StackGeometry(Config):
    """How the slices that a network was trained on lie in a head.

    Attributes
    ----------
    plane, display, centre
        Direction of the cut, which way up it is shown, and what lies at 0 mm and in the middle of
        the picture, as the dataset's configuration has them.
    pixel_height_mm, pixel_width_mm
        Medians over the slices.
    spacing_mm
        Median distance between neighbouring slices of a scan.
    position_mm
        The lowest and the highest slice.
    differing
        What is not the same in all slices, in words.
    """

    plane: Plane
    display: Display
    centre: Literal["field_of_view", "brain", "foreground"]
    pixel_height_mm: Millimetres
    pixel_width_mm: Millimetres
    spacing_mm: Millimetres
    position_mm: tuple[Position, Position]
    differing: tuple[Annotated[str, Field(max_length=100)], ...] = Field((), max_length=3)

    @model_validator(mode="after")
    def _rises(self) -> Self:
        if self.position_mm[0] > self.position_mm[1]:
            raise ValueError("position_mm with two numbers, the smaller first")
        return self

    def affine(self, size: int, *, first_mm: float, step_mm: float) -> Affine:
        """Return the way from (column, row, slice, 1) of a stack to millimetres in RAS+.

        The origin is what lies at position 0: the middle of the picture of the slice at 0 mm.

        Parameters
        ----------
        size
            Pixels along each side of a slice.
        first_mm, step_mm
            Position of the first slice, and the way to each next one.

        Returns
        -------
        (4, 4) float64
        """
        axis = SLICE_AXIS[self.plane]
        across, along = (other for other in range(3) if other != axis)
        width = self.pixel_width_mm * (-1 if is_mirrored(self.plane, self.display) else 1)
        affine = np.zeros((4, 4))
        for other, column, step in ((across, 0, width), (along, 1, -self.pixel_height_mm)):
            affine[other, column] = step
            affine[other, 3] = -step * (size - 1) / 2
        affine[axis, 2:] = step_mm, first_mm
        affine[3, 3] = 1
        return affine


def read_stack_geometry(manifest: pd.DataFrame, config: GeometryConfig) -> StackGeometry | None:
    """Describe how the training slices of a dataset lie.

    Parameters
    ----------
    manifest
        With a row per slice.
    config
        How they were laid into their pictures.

    Returns
    -------
    StackGeometry or None
        None for pictures, of which nobody knows where they lay.
    """
    known = manifest[(manifest["split"] == TRAIN) & manifest["position_mm"].notna()]
    if known.empty:
        return None
    ends = known["position_mm"].min(), known["position_mm"].max()
    measured = {
        "pixel_height_mm": known["pixel_height_mm"],
        "pixel_width_mm": known["pixel_width_mm"],
        "spacing_mm": _distances(known),
    }
    return StackGeometry(
        plane=known["plane"].iloc[0],
        display=config.display,
        centre=config.centre,
        position_mm=(float(ends[0]), float(ends[1])),
        **{name: float(values.median()) for name, values in measured.items()},
        differing=tuple(
            f"{name} is {values.min():g} to {values.max():g}"
            for name, values in measured.items()
            if not np.isclose(values.min(), values.max(), rtol=1e-6)
        ),
    )


def _distances(known: pd.DataFrame) -> "pd.Series[float]":
    """Return the distances between neighbours; those of the images where scans have one slice."""
    found = known.sort_values("position_mm").groupby(_SCAN)["position_mm"].diff().dropna()
    found = found[found > 0]  # not between channels of one file
    return found if len(found) else known["spacing_mm"]
