"""What a dataset knows of its cohort, for a volume that is looked at by itself."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from mrigen.data.scans import Modality, Scan
from mrigen.data.slicing.cohort import CohortFacts
from mrigen.data.slicing.dataset import DatasetConfig
from mrigen.data.slicing.geometry import SLICE_AXIS
from mrigen.data.slicing.levels import Levels
from mrigen.data.slicing.selection import keep_by_content, select_positions
from mrigen.data.slicing.slice_choice import region_shares
from mrigen.data.slicing.whole_volume import WholeVolume
from mrigen.data.volumes.headers import check_header
from mrigen.errors import ConfigError, DataError


def stored_cohort(grids: pd.DataFrame, config: DatasetConfig) -> CohortFacts:
    """Find what became black and white over a cohort among the grids of its slice store.

    Parameters
    ----------
    grids
        Of a store that was cut with `config`.
    config
        Of the dataset.

    Returns
    -------
    CohortFacts
        Levels by modality; none where the dataset does not scale over its cohort.

    Raises
    ------
    DataError
        If the store does not say what became black and white, as it stretched each picture
        afterwards.
    """
    if config.intensity.scope != "cohort":
        return CohortFacts()
    known = grids.dropna(subset=["black", "white"]).drop_duplicates("modality")
    if known.empty:
        raise DataError(
            "the dataset scales intensities over its cohort and stretches each picture afterwards "
            "('intensity.rescale'), so that its store does not say what became black and white: "
            "another volume cannot be drawn like its own. Use a dataset that is scaled by volume "
            "or by slice."
        )
    return CohortFacts(
        levels={
            str(row["modality"]): Levels(np.array(row["black"]), np.array(row["white"]))
            for row in known.to_dict("records")
        }
    )


def kept_slices(whole: WholeVolume, config: DatasetConfig) -> npt.NDArray[np.bool_]:
    """Tell which slices of a volume the dataset's own selection would keep.

    Parameters
    ----------
    whole
        The volume, cut with `config`.
    config
        Of the dataset.

    Returns
    -------
    (N,) bool
        All are true where the selection names its volumes in a table or compares them with a
        whole cohort, which says nothing of another volume, and where it keeps none of this one.
    """
    count, selection = len(whole.pixels), config.selection
    everything = np.ones(count, np.bool_)
    if selection.by == "table" or selection.needs_cohort:
        return everything
    axis = SLICE_AXIS[config.plane]
    spacing = whole.volume.spacing_mm[axis]
    centre = -float(whole.position_mm[0]) / spacing
    chosen = select_positions(selection, count, spacing, centre=centre)
    shares = region_shares(whole.mask, chosen, axis)
    if selection.content is not None and shares is not None:
        chosen = keep_by_content(selection.content, chosen, shares)
    kept = np.isin(np.arange(count), chosen)
    return kept if kept.any() else everything


def scan_of_file(
    path: Path,
    channel: int | None,
    config: DatasetConfig,
    *,
    known: Sequence[Scan],
    root: Path,
    max_voxels: int,
) -> Scan:
    """Say which scan of a file is meant, as a scan of the dataset's source.

    Parameters
    ----------
    path
        A NIfTI file, absolute; it may be one of the cohort's own, or any other.
    channel
        Of a 4-D file; None where the dataset leaves no choice.
    config
        Of the dataset.
    known
        The index, from which the modalities of channels and the companions of a file of the cohort
        are taken; may be empty.
    root
        The project's folder.
    max_voxels
        The most voxels the file may declare.

    Raises
    ------
    ConfigError
        If the channel, or the modality where the cohort has levels for each, cannot be told.
    DataError
        If the file's header cannot be used.
    """
    channels = check_header(path, max_voxels).channels
    ours = [scan for scan in known if scan.source == config.source]
    ours = [scan for scan in ours if scan.modality in config.modalities and scan.plane is None]
    own = [scan for scan in ours if (root / scan.path).resolve() == path]
    if channels is None:
        _check_three(path, channel)
        if own and own[0].channel is None:
            return own[0]
        return Scan(str(path), config.source, "", _only_modality(path, config))
    modalities = {scan.channel: scan.modality for scan in own or ours if scan.channel is not None}
    if channel is None and len(modalities) == 1:
        (channel,) = modalities
    if channel is None or not 0 <= channel < channels:
        listed = ", ".join(f"{place} ({name})" for place, name in sorted(modalities.items()))
        raise ConfigError(
            f"volume '{path.name}' has {channels} channels, and "
            f"{'none' if channel is None else channel} was named: expected a channel from 0 to "
            f"{channels - 1}{f', such as {listed}' if listed else ''}. Name one with --channel."
        )
    for scan in own:
        if scan.channel == channel:
            return scan
    modality = modalities.get(channel) or _only_modality(path, config)
    return Scan(str(path), config.source, "", modality, channel)


def _check_three(path: Path, channel: int | None) -> None:
    if channel:
        raise ConfigError(
            f"volume '{path.name}' has three dimensions, and channel {channel} was named: expected "
            "a file with four. Leave --channel out."
        )


def _only_modality(path: Path, config: DatasetConfig) -> Modality:
    if len(config.modalities) > 1 and config.intensity.scope == "cohort":
        raise ConfigError(
            f"volume '{path.name}' may be any of {', '.join(config.modalities)}, and the dataset "
            "scales each of them over its cohort: expected a file of the cohort, or a dataset of "
            "one modality."
        )
    return config.modalities[0]
