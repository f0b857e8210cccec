"""Slices in a scanner's units to the pixels and the rows of a dataset."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from mrigen.data.records import Pixels, SliceRecord
from mrigen.data.scans import Scan
from mrigen.data.slicing.dataset import DatasetConfig
from mrigen.data.slicing.geometry import Layout
from mrigen.data.slicing.intensity import slice_levels, stretch
from mrigen.data.slicing.levels import Levels
from mrigen.data.volumes.volume import FloatArray

Column = npt.NDArray[np.generic] | None

_FROM_SCAN = ("subject", "source", "modality", "age", "sex", "ethnicity", "site", "path", "channel")


def draw(
    slices: FloatArray,
    levels: Levels | None,
    layout: Layout,
    config: DatasetConfig,
    *,
    threshold: float,
) -> tuple[Pixels, npt.NDArray[np.float64]]:
    """Scale, resample and quantise slices.

    Parameters
    ----------
    slices : (N, rows, columns) float32
        Intensities in display order.
    levels
        What becomes black and white; None measures each slice by itself.
    layout
        Where the pixels lie.
    config
        Of the dataset.
    threshold
        Intensity above which is foreground.

    Returns
    -------
    pixels : (N, size, size) uint8 or uint16
    foreground : (N,) float64
        Share of the pixels brighter than the threshold.
    """
    intensity = config.intensity
    levels = levels or slice_levels(slices, intensity)
    scaled = levels.scale_through_png(slices) if intensity.through_png else levels.scale(slices)
    pictures = layout.resample(scaled)
    # On the scale of each slice.
    thresholds = levels.scale(np.full((len(slices), 1, 1), threshold, np.float32))
    foreground = (pictures > thresholds).mean(axis=(1, 2))
    return _quantise(stretch(pictures) if intensity.rescale else pictures, config.bits), foreground


def _quantise(pictures: FloatArray, bits: int) -> Pixels:
    dtype = np.uint8 if bits == 8 else np.uint16
    scaled = pictures * np.float32(np.iinfo(dtype).max)
    quantised: Pixels = np.rint(scaled, out=scaled).astype(dtype)
    return quantised


def make_records(
    scan: Scan,
    config: DatasetConfig,
    columns: Mapping[str, Column],
    *,
    spacing_mm: float | None = None,
    pixel_height_mm: float | None = None,
    pixel_width_mm: float | None = None,
) -> list[SliceRecord]:
    """Make the records of the slices of one scan.

    Parameters
    ----------
    scan
        Where they come from.
    config
        Of the dataset.
    columns
        Fields that differ from slice to slice, (N,) each; None is unknown for all.
    spacing_mm, pixel_height_mm, pixel_width_mm
        Of all slices; None for pictures.
    """
    known = {name: column.tolist() for name, column in columns.items() if column is not None}
    common: dict[str, Any] = {name: getattr(scan, name) for name in _FROM_SCAN}
    common |= dict.fromkeys(columns.keys() - known.keys())
    return [
        SliceRecord(
            plane=config.plane,
            declared_split=scan.split,
            spacing_mm=spacing_mm,
            pixel_height_mm=pixel_height_mm,
            pixel_width_mm=pixel_width_mm,
            **common,
            **dict(zip(known, row, strict=True)),
        )
        for row in zip(*known.values(), strict=True)
    ]
