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

#: The tables with one line a test slice; their other columns are measures.
SLICE_TABLES = ("restoration_slices", "generation_slices")
_ROW, _SUBJECT = "row", "subject"

# What decides the inputs of a measure beside the slices, by the beginning of its name.
_OWN_DAMAGE, _COMMON_DAMAGE = ("slice_", "patch_"), ("damage_",)
_GENERATED = ("nearest_",)


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
    paths = [folder / TABLES / f"{name}.csv" for name in SLICE_TABLES]
    tables = [_read(folder, path) for path in paths if path.exists()]
    if not tables:
        return None
    values = tables[0]
    for other in tables[1:]:
        # Each kind of slice is judged on rows of its own; whose they are is known from either.
        values = values.combine_first(other)
    settings = {
        name: _setting(name, corruption, evaluated) for name in values.columns if name != _SUBJECT
    }
    return SliceScores(model, dataset, values, settings)


def _read(folder: Path, path: Path) -> pd.DataFrame:
    columns, rows = read_table(folder, path.stem)
    frame = pd.DataFrame(rows, columns=columns)
    try:
        index = frame[_ROW].astype(int)
        measures = [each for each in columns if _is_measure(each)]
        numbers = {each: frame[each].replace("", "nan").astype(float) for each in measures}
        values = pd.DataFrame({_SUBJECT: frame[_SUBJECT].astype(str), **numbers})
    except (KeyError, ValueError) as error:
        raise DataError(
            f"'{path}' is damaged ({error}): run mrigen evaluate {folder.name}."
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
    elif measure.startswith(_GENERATED):
        parts += [blocks.get("samples"), blocks.get("extractors")]
    return json.dumps(parts, sort_keys=True)
