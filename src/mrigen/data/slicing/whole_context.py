"""What a dataset knows of its cohort, for a volume that is looked at by itself."""

import numpy as np
import numpy.typing as npt
import pandas as pd

from mrigen.data.slicing.cohort import CohortFacts
from mrigen.data.slicing.dataset import DatasetConfig
from mrigen.data.slicing.geometry import SLICE_AXIS
from mrigen.data.slicing.levels import Levels
from mrigen.data.slicing.selection import keep_by_content, select_positions
from mrigen.data.slicing.slice_choice import region_shares
from mrigen.data.slicing.whole_volume import WholeVolume
from mrigen.errors import DataError


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
