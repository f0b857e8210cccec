"""What a report says about the data: splits, people, files that were left out."""

import json
from collections.abc import Mapping
from pathlib import Path

import pandas as pd
from pydantic import BaseModel, ValidationError

from mrigen.config import describe
from mrigen.data.store.slice_store import SliceStore
from mrigen.errors import DataError
from mrigen.evaluation.report.entries import DatasetEntry, LeftOutFile
from mrigen.page.document import Picture

_SPLITS = ("train", "validation", "test")


class _Source(BaseModel):
    notes: list[str] = []


class _Summary(BaseModel):
    """The part of a stage's `summary.json` that a report tells; it has many other keys."""

    left_out: list[LeftOutFile] = []
    notes: list[str] = []
    sources: dict[str, _Source] = {}


def dataset_entry(dataset: str, store: SliceStore) -> DatasetEntry:
    """Describe a dataset by its manifest, its summary and its contact sheet.

    Raises
    ------
    DataError
        If its summary is damaged.
    """
    manifest = store.manifest
    splits = {
        split: (int(part["subject"].nunique()), len(part))
        for split in _SPLITS
        for part in [manifest[manifest["split"] == split]]
    }
    sheet = store.path / "contact_sheet.png"
    description = f"{dataset}: slices of the dataset as the models see them."
    pictures = [Picture("Contact sheet", description, sheet.read_bytes())] if sheet.exists() else []
    left_out, notes = read_summary(store.path / "summary.json")
    return DatasetEntry(
        name=dataset,
        splits=splits,
        facts=_facts(manifest, store),
        left_out=left_out,
        notes=notes,
        pictures=pictures,
        warnings=store.warnings,
    )


def is_synthetic(store: SliceStore) -> bool:
    """Tell whether every slice comes from the demo cohort, whose subjects are all called DEMO..."""
    subjects = store.manifest["subject"].astype(str)
    return bool(subjects.str.contains(r"(?:^|/)DEMO").all())


def read_summary(path: Path) -> tuple[list[LeftOutFile], list[str]]:
    """Read from a stage's `summary.json` what it could not use and its notes on what it used.

    Returns
    -------
    left_out
        Files that could not be used; none if there is no summary.
    notes
        On files that were used.

    Raises
    ------
    DataError
        If the summary is damaged.
    """
    if not path.exists():
        return [], []
    values = read_object(path)
    try:
        summary = _Summary.model_validate(values)
    except ValidationError as error:
        raise DataError(
            f"'{path}' is damaged: {describe(error, _Summary, values)} Run the stage that writes "
            "it again."
        ) from None
    notes = [f"{name}: {note}" for name, source in summary.sources.items() for note in source.notes]
    return summary.left_out, [*summary.notes, *notes]


def read_object(path: Path) -> Mapping[str, object]:
    """Read a file that holds one JSON object.

    Raises
    ------
    DataError
        If it is missing or damaged.
    """
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(
            f"'{path}' is not readable JSON ({error}): run the stage that writes it again."
        ) from None
    if not isinstance(values, dict):
        raise DataError(
            f"'{path}' holds a {type(values).__name__}: expected an object. Run the stage that "
            "writes it again."
        )
    return values


def _facts(manifest: pd.DataFrame, store: SliceStore) -> dict[str, str]:
    people = manifest.drop_duplicates("subject")
    facts = {
        "Subjects": f"{len(people):,}",
        "Slices": f"{len(manifest):,} of {store.size} x {store.size} pixels",
        "Modalities (slices)": _counted(manifest["modality"]),
        "Planes (slices)": _counted(manifest["plane"]),
    }
    ages = people["age"].dropna().astype(float)
    if len(ages):
        known = f"{len(ages)} subjects" if len(ages) < len(people) else "all subjects"
        facts["Age"] = (
            f"{ages.min():.0f} to {ages.max():.0f} years, mean {ages.mean():.1f} ({known})"
        )
    for label, column in (("Sex (subjects)", "sex"), ("Sites (subjects)", "site")):
        if people[column].notna().any():
            facts[label] = _counted(people[column].dropna())
    if store.has_labels:
        facts["Labels"] = "kept beside the pixels"
    return facts | {"Fingerprint": store.fingerprint[:12]}


def _counted(values: "pd.Series[str]") -> str:
    counts = values.astype(str).value_counts().sort_index()
    return ", ".join(f"{name} {count:,}" for name, count in counts.items())
