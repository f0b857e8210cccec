"""Whether what a network can be told holds what its dataset knows."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from mrigen.data.covariates import read_covariates
from mrigen.data.loader import TRAIN
from mrigen.errors import ConfigError
from mrigen.models.interfaces import Condition


def require_fit(manifest: pd.DataFrame, conditions: Sequence[Condition], *, model: str) -> None:
    """Refuse conditions that the slices of a dataset do not fit.

    Parameters
    ----------
    manifest
        With a row per slice, of all splits.
    conditions
        What the network can be told.
    model
        Its name, for the error.

    Raises
    ------
    ConfigError
        If a number lies outside of its range, a modality is not listed, or nothing is known of any
        training slice.
    DataError
        If no manifest holds a condition.
    """
    known = read_covariates(manifest, conditions)
    training = (manifest["split"] == TRAIN).to_numpy()
    for each in conditions:
        problem = _unlisted(manifest, each) if each.choices else _outside(manifest, each)
        if problem is None and np.isnan(known[each.name][training]).all():
            problem = (
                f"'{each.name}', which is known of no training slice: expected some. Remove the key"
            )
        if problem is not None:
            raise ConfigError(
                f"model '{model}' can be told {problem} 'network.conditions.{each.name}'."
            )


def _outside(manifest: pd.DataFrame, condition: Condition) -> str | None:
    # As the table holds them: rounded to 32 bits, one at the edge might lie outside.
    values = manifest[condition.name].to_numpy(np.float64)
    outside = np.flatnonzero((values < condition.minimum) | (values > condition.maximum))
    if not len(outside):
        return None
    row = manifest.iloc[outside[0]]
    return (
        f"'{condition.name}' from {condition.minimum:g} to {condition.maximum:g}, but slice "
        f"{row['index']} of subject '{row['subject']}' in the {row['split']} split has "
        f"{values[outside[0]]:g}: expected every slice within the range. Widen"
    )


def _unlisted(manifest: pd.DataFrame, condition: Condition) -> str | None:
    if condition.name != "modality":
        return None  # of what is neither female nor male, nothing is known
    unlisted = sorted(set(manifest["modality"].dropna()) - set(condition.choices))
    if not unlisted:
        return None
    return (
        f"'modality' as one of {', '.join(condition.choices)}, but there are slices of "
        f"'{unlisted[0]}': expected every modality of the dataset to be listed. Add it to"
    )
