"""What one kind of evaluation found: numbers, tables, pictures, and sentences."""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from io import StringIO

from mrigen.metrics.intervals import Interval
from mrigen.page.document import Picture

Value = str | int | float | None
Row = Mapping[str, Value]


@dataclass(frozen=True)
class Table:
    """Rows for people and for a CSV file.

    Attributes
    ----------
    title, description
        What it shows, in plain words.
    columns
        In their order; a column that a row lacks, or has as None, is empty.
    rows
    """

    title: str
    description: str
    columns: Sequence[str]
    rows: Sequence[Row]

    def csv(self) -> str:
        """Return the rows as CSV, numbers with six significant digits."""
        text = StringIO()
        writer = csv.DictWriter(text, self.columns, restval="", lineterminator="\n")
        writer.writeheader()
        for row in self.rows:
            writer.writerow({name: _plain(value) for name, value in row.items()})
        return text.getvalue()


@dataclass
class Judgement:
    """What a judge says of a model; empty where it does not apply.

    Attributes
    ----------
    metrics
        Flat and finite; the names are those of the catalogue, with a qualifier in front where a
        number is one of several (`radimagenet/frechet_distance`).
    tables, pictures
        By the name of their file without its ending: small letters and underscores.
    remarks
        What could not be measured and why, and what to keep in mind: whole sentences.
    """

    metrics: dict[str, float] = field(default_factory=dict)
    tables: dict[str, Table] = field(default_factory=dict)
    pictures: dict[str, Picture] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)

    def put(self, name: str, interval: Interval) -> None:
        """Add a number, and its ends as `<name>_low` and `<name>_high` where it has them."""
        self.metrics[name] = interval.value
        if interval.low is not None and interval.high is not None:
            self.metrics[f"{name}_low"] = interval.low
            self.metrics[f"{name}_high"] = interval.high

    def add(self, other: "Judgement") -> None:
        """Take over what another part of the same judge found."""
        self.metrics |= other.metrics
        self.tables |= other.tables
        self.pictures |= other.pictures
        self.remarks += other.remarks


def _plain(value: Value) -> Value:
    return f"{value:.6g}" if isinstance(value, float) else value
