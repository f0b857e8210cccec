"""What a report says about the data: splits, people, files that were left out."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from mrigen.data.store import SliceStore
from mrigen.errors import DataError
from mrigen.evaluation.report import DatasetEntry, LeftOutFile, Picture

_SPLITS = ("train", "validation", "test")


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
    return DatasetEntry(
        name=dataset,
        splits=splits,
        facts=_facts(manifest, store),
        left_out=left_out(store.path / "summary.json"),
        notes=notes(store.path / "summary.json"),
        pictures=pictures,
    )


def is_synthetic(store: SliceStore) -> bool:
    """Tell whether every slice comes from the demo cohort, whose subjects are all called DEMO..."""
    subjects = store.manifest["subject"].astype(str)
    return bool(subjects.str.contains(r"(?:^|/)DEMO").all())


def left_out(summary: Path) -> list[LeftOutFile]:
    """Read the files that a stage could not use from its `summary.json`; none if it is missing.

    Raises
    ------
    DataError
        If the summary is damaged.
    """
    if not summary.exists():
        return []
    entries = _list(read_object(summary).get("left_out"))
    return [LeftOutFile(str(entry["path"]), str(entry["reason"])) for entry in entries]


def notes(summary: Path) -> list[str]:
    """Read what a stage's `summary.json` says about files that were used.

    Raises
    ------
    DataError
        If the summary is damaged.
    """
    if not summary.exists():
        return []
    content = read_object(summary)
    lines = [str(note) for note in _list(content.get("notes"))]
    sources = content.get("sources")
    if isinstance(sources, dict):
        for name, source in sources.items():
            lines += [f"{name}: {note}" for note in _list(source.get("notes"))]
    return lines


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
    return facts | {"Fingerprint": store.fingerprint[:12]}


def _counted(values: "pd.Series[str]") -> str:
    counts = values.astype(str).value_counts().sort_index()
    return ", ".join(f"{name} {count:,}" for name, count in counts.items())


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []
