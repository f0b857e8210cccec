"""Which slices of a volume a dataset keeps, and their intensities."""

from pathlib import Path

import numpy as np
import numpy.typing as npt

from mrigen.data.scans import Scan
from mrigen.data.slicing.cohort import ScanFacts, describe_scan, measure_outliers
from mrigen.data.slicing.dataset import DatasetConfig
from mrigen.data.slicing.geometry import SLICE_AXIS, Layout
from mrigen.data.slicing.selection import (
    Indices,
    OutlierContent,
    SelectionConfig,
    keep_by_content,
    select_positions,
)
from mrigen.data.slicing.slice_tables import SliceTable, scan_name
from mrigen.data.volumes.distribution import Distribution
from mrigen.data.volumes.volume import FloatArray, Mask, Volume
from mrigen.errors import DataError

Shares = npt.NDArray[np.float64]

# What a few slices take stays small, and is used again for the next few.
_SLICES_AT_ONCE = 16


def choose_slices(
    volume: Volume,
    scan: Scan,
    config: DatasetConfig,
    layout: Layout,
    *,
    mask: Mask | None,
    cut: float | None,
    table: SliceTable | None,
) -> Indices:
    """Return the slices of a volume that a dataset keeps, ascending.

    Parameters
    ----------
    volume, scan
        The image, and where it comes from.
    config
        Of the dataset.
    layout
        Where 0 mm is.
    mask : (X, Y, Z) bool
        Of the brain, where the content rule or skull stripping needs it.
    cut
        Where the content rule looks for outliers: the least measure that is kept.
    table
        First and last slices, where the selection is by table.

    Raises
    ------
    DataError
        If no slice is left, or the table does not fit the scan.
    """
    selection, count = config.selection, volume.stored.shape[SLICE_AXIS[config.plane]]
    chosen = select_positions(
        selection,
        count,
        layout.slice_spacing_mm,
        centre=layout.slice_centre,
        name=scan_name(scan.path),
        table=table,
    )
    if selection.content is not None and len(chosen):
        measures = _measure(volume, chosen, config, mask)
        chosen = keep_by_content(selection.content, chosen, measures, cut=cut)
    if not len(chosen):
        raise DataError(
            f"scan '{Path(scan.path).name}' has {count} {config.plane} slices, of which the "
            f"selection {_words(selection)} keeps none: change the dataset's selection."
        )
    return chosen


def describe_volume(
    volume: Volume, scan: Scan, config: DatasetConfig, mask: Mask | None = None
) -> ScanFacts:
    """Measure what the cohort has to know of a volume.

    Parameters
    ----------
    volume, scan
        The image, and where it comes from.
    config
        Of the dataset.
    mask : (X, Y, Z) bool
        Of the brain, where the dataset strips skulls.
    """
    inside = mask if config.skull_strip else None
    distribution, measures = None, None
    if config.intensity.scope == "cohort":
        distribution = Distribution.of_volume(volume, inside)
    if config.selection.needs_cohort:
        count = volume.stored.shape[SLICE_AXIS[config.plane]]
        measures = _measure(volume, np.arange(count), config, mask)
    return describe_scan(scan.modality, distribution, measures, config.intensity)


def read_slices(
    volume: Volume, indices: Indices, axis: int, inside: Mask | None = None
) -> FloatArray:
    """Return the intensities of slices, (N, A, B) float32; 0 outside of a mask."""
    slices = volume.intensities(indices, axis)
    if inside is not None:
        slices[~np.moveaxis(inside, axis, 0)[indices]] = 0
    return slices


def region_shares(
    region: npt.NDArray[np.generic] | None, indices: Indices, axis: int
) -> Shares | None:
    """Return the share of each slice that is not 0."""
    if region is None:
        return None
    inside = np.moveaxis(region, axis, 0)[indices]
    counts = np.count_nonzero(inside, axis=(1, 2))
    shares: Shares = counts / (inside.shape[1] * inside.shape[2])
    return shares


def in_parts(indices: Indices) -> list[Indices]:
    """Part slices into groups that are small as floats; all are twice as large as the volume."""
    starts = range(0, len(indices), _SLICES_AT_ONCE)
    return [indices[start : start + _SLICES_AT_ONCE] for start in starts]


def _measure(volume: Volume, indices: Indices, config: DatasetConfig, mask: Mask | None) -> Shares:
    """Return what the dataset's content rule looks at, of each slice on the volume's own grid."""
    axis, content = SLICE_AXIS[config.plane], config.selection.content
    if not isinstance(content, OutlierContent):
        shares = region_shares(mask, indices, axis)
        return np.zeros(len(indices)) if shares is None else shares
    inside = mask if config.skull_strip else None
    return np.concatenate(
        [
            measure_outliers(read_slices(volume, part, axis, inside), content)
            for part in in_parts(indices)
        ]
    )


def _words(selection: SelectionConfig) -> str:
    unit = {"index": "", "fraction": " of the axis", "mm": " mm"}
    if selection.by in unit:
        words = f"{selection.start:g} to {selection.stop:g}{unit[selection.by]}"
    else:
        words = f"by {selection.by}"
    return f"{words} by {selection.content.rule}" if selection.content else words
