"""The folder of an evaluation: numbers, tables and figures as files, and what they are called."""

import csv
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

from pydantic import StringConstraints, TypeAdapter, ValidationError

from mrigen.config import Config
from mrigen.errors import DataError
from mrigen.evaluation.judgement import Judgement

METRICS, CONTENTS = "metrics.json", "contents.json"
FIGURES, TABLES = "figures", "tables"

_TITLES = {
    "quiz": "Real or generated?",
    "restoration": "Restoring and reproducing slices",
    "generation": "Generating slices",
    "copying": "Copies of training slices",
    "anomaly": "Finding lesions",
    "usefulness": "What generated slices are worth to a classifier",
    "latent": "What the latent carries",
    "conditions": "Whether it draws what it is asked for",
    "stacks": "Slices one above the other",
    "brain_masks": "What restoration is worth to a brain mask",
    "training": "The training",
}


# They become paths: nothing in them leads out of the folder.
_FileName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$")]


class Words(Config):
    """What a figure or a table is called, and what it shows."""

    title: str
    description: str


class Section(Config):
    """What one judge left behind; figures and tables by the names of their files."""

    pictures: dict[_FileName, Words]
    tables: dict[_FileName, Words]
    remarks: tuple[str, ...]


_SECTIONS = TypeAdapter(dict[str, Section])


def section_title(section: str) -> str:
    """Return a section's name for people."""
    return _TITLES.get(section, section.replace("_", " ").capitalize())


def write_judgements(folder: Path, judgements: Mapping[str, Judgement]) -> None:
    """Write `metrics.json`, `contents.json`, `figures/` and `tables/` into an empty folder."""
    names = [
        name
        for each in judgements.values()
        for name in (*each.pictures, *(f"{t}.csv" for t in each.tables))
    ]
    assert len(names) == len(set(names)), "two judges gave the same name to a table or a picture"
    for name in (FIGURES, TABLES):
        (folder / name).mkdir()
    sections = {}
    for title, judgement in judgements.items():
        for name, picture in judgement.pictures.items():
            (folder / FIGURES / f"{name}.png").write_bytes(picture.png)
        for name, table in judgement.tables.items():
            (folder / TABLES / f"{name}.csv").write_text(table.csv(), encoding="utf-8")
        sections[title] = Section(
            pictures={
                name: Words(title=picture.title, description=picture.description)
                for name, picture in judgement.pictures.items()
            },
            tables={
                name: Words(title=table.title, description=table.description)
                for name, table in judgement.tables.items()
            },
            remarks=tuple(judgement.remarks),
        )
    metrics = {k: v for judgement in judgements.values() for k, v in judgement.metrics.items()}
    write_json(folder / METRICS, metrics)
    write_json(folder / CONTENTS, _SECTIONS.dump_python(sections, mode="json"))


def read_contents(folder: Path) -> dict[str, Section]:
    """Read what an evaluation left behind, by section, in the order of the report.

    Raises
    ------
    DataError
        If `contents.json` is missing or damaged.
    """
    path = folder / CONTENTS
    try:
        return _SECTIONS.validate_json(path.read_bytes())
    except (OSError, ValidationError):
        raise DataError(
            f"'{path}' is missing or damaged: run mrigen evaluate {folder.name}."
        ) from None


def read_table(folder: Path, name: str) -> tuple[list[str], list[list[str]]]:
    """Read a table of an evaluation: its columns, and its rows as they stand in the file.

    Raises
    ------
    DataError
        If the file is missing or damaged.
    """
    path = folder / TABLES / f"{name}.csv"
    try:
        with path.open(newline="", encoding="utf-8") as file:
            columns, *rows = list(csv.reader(file, strict=True))
    except (OSError, ValueError, csv.Error):
        columns, rows = [], []
    if not columns or any(len(row) != len(columns) for row in rows):
        raise DataError(
            f"'{path}' is missing or damaged: run mrigen evaluate {folder.name}."
        ) from None
    return columns, rows


def write_json(path: Path, values: object) -> None:
    """Write plain values, the same ones as the same bytes; their order is kept."""
    text = json.dumps(values, indent=2, allow_nan=False) + "\n"
    path.write_text(text, encoding="utf-8")
