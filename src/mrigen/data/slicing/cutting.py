"""A volume that has been read, to the slices of a dataset."""

from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt

from mrigen.data.records import ScanGrid, ScanSlices
from mrigen.data.scans import Scan
from mrigen.data.slicing.cohort import CohortFacts
from mrigen.data.slicing.dataset import DatasetConfig
from mrigen.data.slicing.drawing import draw, make_records
from mrigen.data.slicing.geometry import SLICE_AXIS, Layout, Point, centre_of_mass, frames, lay_out
from mrigen.data.slicing.intensity import IntensityConfig, shared_levels, stored_levels
from mrigen.data.slicing.levels import Levels
from mrigen.data.slicing.selection import Indices, SelectionConfig, is_contiguous
from mrigen.data.slicing.slice_choice import choose_slices, in_parts, read_slices, region_shares
from mrigen.data.slicing.slice_tables import SliceTable
from mrigen.data.volumes.distribution import Distribution
from mrigen.data.volumes.headers import Affine
from mrigen.data.volumes.volume import Mask, Volume

Labels = npt.NDArray[np.integer]


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
    chosen = choose_slices(volume, scan, config, layout, mask=mask, cut=cut, table=table)
    levels = shared_levels(
        distribution,
        config.intensity,
        name=Path(scan.path).name,
        stored=partial(stored_levels, volume, name=Path(scan.path).name),
        cohort=facts.levels.get(scan.modality),
    )
    pixels, foreground = [], []
    for part in in_parts(chosen):
        slices = read_slices(volume, part, axis, inside)
        turned = frames(slices, config.plane, config.geometry.display)
        drawn, above = draw(turned, levels, layout, config, threshold=threshold)
        pixels.append(drawn)
        foreground.append(above)
    columns = {
        "index": chosen,
        "position_mm": layout.position_mm(chosen),
        "foreground_fraction": np.concatenate(foreground),
        "brain_fraction": region_shares(mask, chosen, axis),
        "label_fraction": region_shares(labels, chosen, axis),
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
