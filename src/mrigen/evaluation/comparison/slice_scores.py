"""What a model scored on each test slice, as its evaluation left it behind."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from mrigen.errors import DataError
from mrigen.evaluation.catalogue.listing import find_metric
from mrigen.evaluation.contents import TABLES, read_table

#: Tables with one line a test slice; their other columns are measures.
SLICE_TABLES = ("restoration_slices", "generation_slices")
_ROW, _SUBJECT = "row", "subject"

# What decides the inputs of a measure beside the slices, by the beginning of its name.
_CLEAN, _OWN_DAMAGE, _COMMON_DAMAGE = ("clean_",), ("slice_", "patch_"), ("damage_",)


@dataclass(frozen=True)
class SliceScores:
    """Scores of one model, slice by slice.

    Attributes
    ----------
    model, dataset
        Their names in `params.yaml`.
    values
        A line per row of the manifest (the index), its `subject`, and a column per measure; not a
        number where a slice was not measured.
    settings
        What else has to be equal for two models to be compared, by measure, as text.
    """

    model: str
    dataset: str
    values: pd.DataFrame
    settings: Mapping[str, str]

    @property
    def measures(self) -> list[str]:
        """The columns that are measures."""
        return [name for name in self.values.columns if name != _SUBJECT]


def read_slice_scores(
    folder: Path,
    *,
    model: str,
    dataset: str,
    corruption: object,
    evaluated: Mapping[str, object],
) -> SliceScores | None:
    """Read the per-slice tables of an evaluation; None where it has none.

    Parameters
    ----------
    folder
        Of the evaluation.
    model, dataset
        Their names.
    corruption
        The damage that the model learned to undo, as plain values.
    evaluated
        Contents of `evaluated.json`: which slices, and how they were judged.

    Raises
    ------
    DataError
        If a table is damaged.
    """
    tables = [_read(folder, name) for name in SLICE_TABLES if _path(folder, name).exists()]
    if not tables:
        return None
    subjects = pd.concat([table[_SUBJECT] for table in tables])
    values = pd.concat(
        [subjects[~subjects.index.duplicated()], *(each.drop(columns=_SUBJECT) for each in tables)],
        axis=1,
    )
    settings = {
        name: _setting(name, corruption, evaluated) for name in values.columns if name != _SUBJECT
    }
    return SliceScores(model, dataset, values, settings)


def _path(folder: Path, name: str) -> Path:
    return folder / TABLES / f"{name}.csv"


def _read(folder: Path, name: str) -> pd.DataFrame:
    columns, rows = read_table(folder, name)
    frame = pd.DataFrame(rows, columns=columns)
    try:
        index = frame[_ROW].astype(int)
        measures = [each for each in columns if _is_measure(each)]
        numbers = {each: frame[each].replace("", "nan").astype(float) for each in measures}
        values = pd.DataFrame({_SUBJECT: frame[_SUBJECT].astype(str), **numbers})
    except (KeyError, ValueError) as error:
        raise DataError(
            f"'{_path(folder, name)}' is damaged ({error}): run mrigen evaluate {folder.name}."
        ) from None
    values.index = pd.Index(index, name=_ROW)
    return values.replace([np.inf, -np.inf], np.nan)


def _is_measure(column: str) -> bool:
    metric = find_metric(column)
    return metric is not None and metric.better is not None


def _setting(measure: str, corruption: object, evaluated: Mapping[str, object]) -> str:
    evaluation = evaluated.get("evaluation")
    blocks = evaluation if isinstance(evaluation, Mapping) else {}
    parts: list[object] = [evaluated.get("data_fingerprint")]
    if measure.startswith(_OWN_DAMAGE):
        parts += [corruption, blocks.get("seed")]
    elif measure.startswith(_COMMON_DAMAGE):
        parts += [blocks.get("restoration"), blocks.get("seed")]
    elif not measure.startswith(_CLEAN):
        parts += [blocks]
    return json.dumps(parts, sort_keys=True)
