"""What a manifest knows of each slice, as numbers that a network can be told."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt
import pandas as pd

from mrigen.errors import DataError

#: Columns of a manifest that a network can be told: numbers, and words of which each is a choice.
NUMBERS, WORDS = ("position_mm", "age"), ("sex", "modality")

# What is short in a table has a name where somebody reads it.
_SPELLED = {"sex": {"f": "female", "m": "male"}}

Values = npt.NDArray[np.float32]


class Covariate(Protocol):
    """What is read of each slice; a `Condition` of a network is one."""

    @property
    def name(self) -> str:
        """One of `NUMBERS` or `WORDS`."""
        ...

    @property
    def choices(self) -> tuple[str, ...]:
        """What the values 0, 1, ... stand for; empty for a number."""
        ...


def read_covariates(manifest: pd.DataFrame, covariates: Sequence[Covariate]) -> dict[str, Values]:
    """Read what is known of every slice.

    Parameters
    ----------
    manifest
        With a row per slice.
    covariates
        What to read.

    Returns
    -------
    dict
        (rows,) float32 by name: a number as it is, a word as its place among the choices. NaN
        where nothing is known, or the word is none of the choices.

    Raises
    ------
    DataError
        If a manifest never tells of such a thing.

    Notes
    -----
    A slice that was mirrored, moved or brightened keeps them: none of them says where something
    lies in the picture.
    """
    return {each.name: _read(manifest, each) for each in covariates}


def _read(manifest: pd.DataFrame, covariate: Covariate) -> Values:
    name, choices = covariate.name, covariate.choices
    if name in NUMBERS and not choices:
        return np.asarray(manifest[name], np.float32)
    if name in WORDS and choices:
        spelled = _SPELLED.get(name, {})
        places = {word: place for place, word in enumerate(choices)}
        found = [places.get(spelled.get(word, word), np.nan) for word in manifest[name]]
        return np.array(found, np.float32)
    numbers, words = (" and ".join(f"'{one}'" for one in group) for group in (NUMBERS, WORDS))
    kind = "choices of" if choices else "the number"
    raise DataError(
        f"a network asks for {kind} '{name}', which no manifest holds: expected the numbers "
        f"{numbers} or choices of {words}. Use another condition."
    )
