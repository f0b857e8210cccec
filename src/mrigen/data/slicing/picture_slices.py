"""Pictures that somebody else has cut, to the slices of a dataset."""

from pathlib import Path

import numpy as np

from mrigen.data.records import ScanSlices
from mrigen.data.scans import Scan
from mrigen.data.slicing.cohort import CohortFacts, ScanFacts, describe_scan, measure_outliers
from mrigen.data.slicing.dataset import DatasetConfig
from mrigen.data.slicing.drawing import draw, make_records
from mrigen.data.slicing.geometry import lay_out
from mrigen.data.slicing.intensity import shared_levels
from mrigen.data.slicing.levels import Levels
from mrigen.data.slicing.selection import OutlierContent
from mrigen.data.volumes.distribution import Distribution
from mrigen.data.volumes.volume import FloatArray
from mrigen.errors import ConfigError, DataError


def check_picture_config(dataset: str, config: DatasetConfig) -> None:
    """Check that a dataset asks nothing of pictures that takes a volume.

    Parameters
    ----------
    dataset
        Its key in `params.yaml`.
    config
        Its entry.

    Raises
    ------
    ConfigError
        Naming the key, its value and what was expected.
    """
    by, scope, centre = config.selection.by, config.intensity.scope, config.geometry.centre
    slips = {
        f"selection.by' is '{by}': expected 'all' or 'index'": by not in ("all", "index"),
        "brain_mask' is set: expected null": config.brain_mask is not None,
        "labels' is true: expected false": config.labels,
        f"geometry.centre' is '{centre}': expected 'field_of_view'": centre != "field_of_view",
        "geometry.field_mm' is set: expected null": config.geometry.field_mm is not None,
        f"intensity.scope' is '{scope}': expected 'slice', 'cohort' or 'stored'": scope == "volume",
    }
    for slip, made in slips.items():
        if made:
            raise ConfigError(
                f"params.yaml: 'datasets.{dataset}.{slip}, as source '{config.source}' has "
                "pictures, which belong to no volume."
            )


def cut_picture(
    pixels: FloatArray, scan: Scan, config: DatasetConfig, *, cohort: CohortFacts | None = None
) -> ScanSlices | None:
    """Make a slice of a picture, or None where the selection does not keep it.

    Its pixels are taken for square, and its orientation for what the dataset wants.

    Parameters
    ----------
    pixels : (H, W) float32 in [0, 1]
        The picture.
    scan
        Where it comes from, with its plane and index.
    config
        What to make of it.
    cohort
        What all pictures say together, where the dataset asks for it.

    Raises
    ------
    DataError
        If the picture shows another plane than the dataset wants.
    """
    facts = cohort or CohortFacts()
    if not _is_kept(pixels, scan, config, facts.cuts.get(scan.modality)):
        return None
    distribution = Distribution.of_array(pixels)
    levels = shared_levels(
        distribution,
        config.intensity,
        name=Path(scan.path).name,
        stored=lambda: Levels(np.array(0.0), np.array(1.0)),
        cohort=facts.levels.get(scan.modality),
    )
    height, width = pixels.shape
    shape, spacing = (width, height, 1), (1.0, 1.0, 1.0)
    layout = lay_out("axial", shape, spacing, config.geometry, size=config.size)
    threshold = distribution.foreground_threshold()
    drawn, foreground = draw(pixels[None], levels, layout, config, threshold=threshold)
    columns = {
        "index": np.array([scan.index or 0]),
        "foreground_fraction": foreground,
        "position_mm": None,
        "brain_fraction": None,
        "label_fraction": None,
    }
    return ScanSlices(drawn, make_records(scan, config, columns))


def describe_picture(pixels: FloatArray, scan: Scan, config: DatasetConfig) -> ScanFacts:
    """Measure what the cohort has to know of a picture, (H, W) float32 in [0, 1]."""
    distribution, measures = None, None
    if config.intensity.scope == "cohort":
        distribution = Distribution.of_array(pixels)
    if isinstance(config.selection.content, OutlierContent):
        measures = measure_outliers(pixels[None], config.selection.content)
    return describe_scan(scan.modality, distribution, measures, config.intensity)


def _is_kept(pixels: FloatArray, scan: Scan, config: DatasetConfig, cut: float | None) -> bool:
    if scan.plane != config.plane:
        raise DataError(
            f"picture '{Path(scan.path).name}' shows the {scan.plane} plane: expected the "
            f"{config.plane} one. Correct the dataset's plane, or that of its source."
        )
    selection, index = config.selection, scan.index or 0
    start, stop = (0.0, np.inf) if selection.by == "all" else (selection.start, selection.stop)
    if not start <= index < stop or (index - start) % selection.step:
        return False
    if cut is None or not isinstance(selection.content, OutlierContent):
        return True
    return bool(measure_outliers(pixels[None], selection.content)[0] >= cut)
