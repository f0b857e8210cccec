"""Slices with where they come from: what extraction hands to the store."""

from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

Plane = Literal["axial", "coronal", "sagittal"]
Pixels = npt.NDArray[np.uint8 | np.uint16]


@dataclass(frozen=True)
class SliceRecord:
    """Where one slice comes from; with its split it is a row of the manifest.

    Attributes
    ----------
    subject, source, modality, path, channel
        Which image it was cut from; `path` is relative to the project.
    plane
        "axial", "coronal" or "sagittal".
    index
        Slice number in that image, counted from the lowest in RAS+.
    position_mm
        Distance from the centre that the dataset's geometry names, right, front and top positive.
        None for pictures, whose place in the head is unknown; so are the three sizes below.
    spacing_mm
        Distance between neighbouring slices of the image.
    pixel_height_mm, pixel_width_mm
        Size of a pixel; the two differ where slices are stretched.
    foreground_fraction
        Share of the pixels brighter than Otsu's threshold of the whole image.
    brain_fraction
        Share of the slice, on the image's own grid, inside the brain mask; None without a mask.
    label_fraction
        Share of the slice, on the image's own grid, that carries a label; None where labels are
        not kept.
    age, sex, ethnicity, site
        Of the person and the scan; None is unknown.
    declared_split
        "train", "validation" or "test" where the cohort says so itself; None elsewhere.
    """

    subject: str
    source: str
    modality: str
    plane: str
    index: int
    position_mm: float | None
    spacing_mm: float | None
    pixel_height_mm: float | None
    pixel_width_mm: float | None
    foreground_fraction: float
    brain_fraction: float | None
    label_fraction: float | None
    age: float | None
    sex: str | None
    ethnicity: str | None
    site: str | None
    declared_split: str | None
    path: str
    channel: int | None


class ScanGrid(NamedTuple):
    """How the pictures of one scan lie in the scanner, and what their grey values mean.

    Attributes
    ----------
    affine : (4, 4) nested tuples of float
        (column, row, slice index, 1) of a picture to millimetres in RAS+. Slice index is that of
        the records.
    black, white
        Intensities, in the scan's units, that became 0 and 1; None where every slice, or every
        picture after resampling, was scaled by itself.
    """

    affine: tuple[tuple[float, ...], ...]
    black: float | None
    white: float | None


class ScanSlices(NamedTuple):
    """The slices of one scan.

    Attributes
    ----------
    pixels : (N, size, size) uint8 or uint16
        In the display order of the dataset.
    records
        One per slice, from the lowest to the highest.
    notes
        What was mended on the way.
    labels : (N, size, size) uint8
        The label map on the pictures' grid, nearest neighbour; None where labels are not kept.
    grid
        None for pictures.
    """

    pixels: Pixels
    records: list[SliceRecord]
    notes: tuple[str, ...] = ()
    labels: npt.NDArray[np.uint8] | None = None
    grid: ScanGrid | None = None
