"""A volume that has been read, to the slices of a dataset."""

from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt

from mrigen.data.cohort import CohortFacts, ScanFacts, describe_scan, measure_outliers
from mrigen.data.dataset import DatasetConfig
from mrigen.data.distribution import Distribution
from mrigen.data.drawing import draw, make_records
from mrigen.data.geometry import SLICE_AXIS, Layout, Point, centre_of_mass, frames, lay_out
from mrigen.data.headers import Affine
from mrigen.data.intensity import IntensityConfig, Levels, shared_levels, stored_levels
from mrigen.data.records import ScanGrid, ScanSlices
from mrigen.data.scans import Scan
from mrigen.data.selection import (
    Indices,
    OutlierContent,
    SelectionConfig,
    is_contiguous,
    keep_by_content,
    select_positions,
)
from mrigen.data.slice_tables import SliceTable, scan_name
from mrigen.data.volumes import FloatArray, Mask, Volume
from mrigen.errors import DataError

Labels = npt.NDArray[np.integer]
Shares = npt.NDArray[np.float64]

# What a few slices take stays small, and is used again for the next few.
_SLICES_AT_ONCE = 16


def cut_volume(
    volume: Volume,
    scan: Scan,
    config: DatasetConfig,
    *,
    cohort: CohortFacts | None = None,
    mask: Mask | None = None,
    labels: Labels | None = None,
    table: SliceTable | None = None,
) -> ScanSlices:
    """Cut a volume into slices.

    Parameters
    ----------
    volume, scan
        The image, and where it comes from.
    config
        What to cut.
    cohort
        What all scans say together, where the dataset asks for it.
    mask : (X, Y, Z) bool
        Of the brain.
    labels : (X, Y, Z) whole numbers from 0 to 255
        To be kept beside the slices.
    table
        First and last slices, where the selection is by table.

    Raises
    ------
    DataError
        If the intensities have no contrast, or the selection keeps no slice.
    """
    axis, inside = SLICE_AXIS[config.plane], mask if config.skull_strip else None
    distribution = Distribution.of_volume(volume, inside)
    threshold = distribution.foreground_threshold()
    layout = _lay_out(volume, config, mask, threshold)
    facts = cohort or CohortFacts()
    cut = facts.cuts.get(scan.modality)
    chosen = _choose(volume, scan, config, layout, mask=mask, cut=cut, table=table)
    levels = shared_levels(
        distribution,
        config.intensity,
        name=Path(scan.path).name,
        stored=partial(stored_levels, volume, name=Path(scan.path).name),
        cohort=facts.levels.get(scan.modality),
    )
    pixels, foreground = [], []
    for part in _parts(chosen):
        slices = read_slices(volume, part, axis, inside)
        turned = frames(slices, config.plane, config.geometry.display)
        drawn, above = draw(turned, levels, layout, config, threshold=threshold)
        pixels.append(drawn)
        foreground.append(above)
    columns = {
        "index": chosen,
        "position_mm": layout.position_mm(chosen),
        "foreground_fraction": np.concatenate(foreground),
        "brain_fraction": _shares(mask, chosen, axis),
        "label_fraction": _shares(labels, chosen, axis),
    }
    records = make_records(
        scan,
        config,
        columns,
        spacing_mm=layout.slice_spacing_mm,
        pixel_height_mm=layout.pixel_height_mm,
        pixel_width_mm=layout.pixel_width_mm,
    )
    return ScanSlices(
        np.concatenate(pixels),
        records,
        notes=_notes(volume, scan, config.selection, chosen),
        labels=_draw_labels(labels, chosen, layout, config),
        grid=_grid(layout.affine(volume.affine), levels, config.intensity),
    )


def read_slices(
    volume: Volume, indices: Indices, axis: int, inside: Mask | None = None
) -> FloatArray:
    """Return the intensities of slices, (N, A, B) float32; 0 outside of a mask."""
    slices = volume.intensities(indices, axis)
    if inside is not None:
        slices[~np.moveaxis(inside, axis, 0)[indices]] = 0
    return slices


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


def _measure(volume: Volume, indices: Indices, config: DatasetConfig, mask: Mask | None) -> Shares:
    """Return what the dataset's content rule looks at, of each slice on the volume's own grid."""
    axis, content = SLICE_AXIS[config.plane], config.selection.content
    if not isinstance(content, OutlierContent):
        shares = _shares(mask, indices, axis)
        return np.zeros(len(indices)) if shares is None else shares
    inside = mask if config.skull_strip else None
    return np.concatenate(
        [
            measure_outliers(read_slices(volume, part, axis, inside), content)
            for part in _parts(indices)
        ]
    )


def _parts(indices: Indices) -> list[Indices]:
    # All slices as floats are twice as large as the volume.
    starts = range(0, len(indices), _SLICES_AT_ONCE)
    return [indices[start : start + _SLICES_AT_ONCE] for start in starts]


def _lay_out(volume: Volume, config: DatasetConfig, mask: Mask | None, threshold: float) -> Layout:
    centre: Point | None = None
    if config.geometry.centre == "brain" and mask is not None:
        centre = centre_of_mass(mask)
    elif config.geometry.centre == "foreground":
        above = volume.array > threshold
        centre = centre_of_mass(above & mask if config.skull_strip and mask is not None else above)
    shape, spacing = volume.stored.shape, volume.spacing_mm
    return lay_out(
        config.plane, shape, spacing, config.geometry, size=config.size, centre_voxel=centre
    )


def _choose(
    volume: Volume,
    scan: Scan,
    config: DatasetConfig,
    layout: Layout,
    *,
    mask: Mask | None,
    cut: float | None,
    table: SliceTable | None,
) -> Indices:
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


def _words(selection: SelectionConfig) -> str:
    unit = {"index": "", "fraction": " of the axis", "mm": " mm"}
    if selection.by in unit:
        words = f"{selection.start:g} to {selection.stop:g}{unit[selection.by]}"
    else:
        words = f"by {selection.by}"
    return f"{words} by {selection.content.rule}" if selection.content else words


def _shares(region: npt.NDArray[np.generic] | None, indices: Indices, axis: int) -> Shares | None:
    """Return the share of each slice that is not 0."""
    if region is None:
        return None
    inside = np.moveaxis(region, axis, 0)[indices]
    counts = np.count_nonzero(inside, axis=(1, 2))
    shares: Shares = counts / (inside.shape[1] * inside.shape[2])
    return shares


def _draw_labels(
    labels: Labels | None, chosen: Indices, layout: Layout, config: DatasetConfig
) -> npt.NDArray[np.uint8] | None:
    if labels is None:
        return None
    slices = np.moveaxis(labels, SLICE_AXIS[config.plane], 0)[chosen]
    return layout.resample_labels(frames(slices, config.plane, config.geometry.display))


def _grid(affine: Affine, levels: Levels | None, config: IntensityConfig) -> ScanGrid:
    rows = tuple(tuple(float(number) for number in row) for row in affine)
    if config.rescale or levels is None:
        return ScanGrid(rows, None, None)
    return ScanGrid(rows, float(levels.black), float(levels.white))


def _notes(
    volume: Volume, scan: Scan, selection: SelectionConfig, chosen: Indices
) -> tuple[str, ...]:
    notes = []
    name = f"{scan.path} ({scan.modality})"
    if volume.nonfinite:
        notes.append(f"{name}: {volume.nonfinite} NaN or infinite voxels became 0")
    if not is_contiguous(chosen, selection.step):
        notes.append(f"{name}: the content rule left gaps between the slices that it kept")
    return tuple(notes)
