"""What a report is told about models, datasets and the tests between models."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from mrigen.evaluation.report.card import Card
from mrigen.page.document import Picture

#: Longer tables are collapsed, and still longer ones are in their CSV file alone.
_OPEN_ROWS, _SHOWN_ROWS = 12, 150


@dataclass(frozen=True)
class TableEntry:
    """A table of an evaluation or of the comparison.

    Attributes
    ----------
    name
        Of its file without the ending.
    title, description
        What it shows.
    columns, rows
        As they stand in the file.
    address
        Of the file, seen from the page.
    """

    name: str
    title: str
    description: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    address: str

    @property
    def is_open(self) -> bool:
        """Whether it is short enough to be seen without asking."""
        return len(self.rows) <= _OPEN_ROWS

    @property
    def is_shown(self) -> bool:
        """Whether it is in the page at all."""
        return len(self.rows) <= _SHOWN_ROWS


@dataclass(frozen=True)
class SectionEntry:
    """What one judge says of a model.

    Attributes
    ----------
    name, title
        For links and for people.
    pictures, tables
        By the names of their files.
    remarks
        Whole sentences.
    """

    name: str
    title: str
    pictures: Mapping[str, Picture] = field(default_factory=dict)
    tables: Mapping[str, TableEntry] = field(default_factory=dict)
    remarks: Sequence[str] = ()


@dataclass(frozen=True)
class ModelEntry:
    """What the report says about one model.

    Attributes
    ----------
    facts
        `network`, `dataset`, `split`, `extractor`, `parameters_trainable`, `parameters_total`,
        `epochs`.
    timing
        Contents of `timing.json`; empty where the model was trained elsewhere.
    metrics
        Contents of `metrics.json`.
    origin
        `data_fingerprint`, `bundle`, `git_commit`, `mrigen_version`.
    params
        The model's parameters as dotted names.
    sections
        In the order of the page.
    warnings
        What must be told with every number of this model; its rows are marked.
    refusals
        Which bounds of its gate it does not meet; None where it has no gate.
    card
        None where it has none.
    """

    name: str
    facts: Mapping[str, str | int]
    timing: Mapping[str, str | float]
    metrics: Mapping[str, float]
    origin: Mapping[str, str]
    params: Mapping[str, str] = field(default_factory=dict)
    sections: Sequence[SectionEntry] = ()
    warnings: Sequence[str] = ()
    refusals: Sequence[str] | None = None
    card: Card | None = None

    @property
    def mark(self) -> str:
        """Two words beside every number of a model with warnings; else nothing."""
        if not self.warnings:
            return ""
        leaks = str(self.facts.get("split", "")).startswith("leaking")
        return "leaking split" if leaks else "with a warning"


@dataclass(frozen=True)
class LeftOutFile:
    """A file that could not be used, and why."""

    path: str
    reason: str


@dataclass(frozen=True)
class DatasetEntry:
    """What the report says about one dataset.

    Attributes
    ----------
    splits
        Subjects and slices of each split, by name.
    facts
        Further lines, label to text.
    notes
        What was mended in files that were used.
    warnings
        What must be told with every number measured on it.
    """

    name: str
    splits: Mapping[str, tuple[int, int]]
    facts: Mapping[str, str]
    left_out: Sequence[LeftOutFile] = ()
    notes: Sequence[str] = ()
    pictures: Sequence[Picture] = ()
    warnings: Sequence[str] = ()


@dataclass(frozen=True)
class Report:
    """Everything on the page.

    Attributes
    ----------
    missing
        Models of `params.yaml` that are not compared, with what to do.
    notices
        Sentences that must not be overlooked, such as that the data are synthetic.
    tests
        Tables of paired tests.
    test_remarks
        What could not be tested.
    pareto
        Quality over time of training; None where nothing was timed.
    left_out
        Files that the index could not use, whatever the dataset.
    notes
        What a reader should know of the sources.
    """

    models: Sequence[ModelEntry]
    datasets: Sequence[DatasetEntry]
    missing: Mapping[str, str] = field(default_factory=dict)
    notices: Sequence[str] = ()
    tests: Sequence[TableEntry] = ()
    test_remarks: Sequence[str] = ()
    pareto: Picture | None = None
    left_out: Sequence[LeftOutFile] = ()
    notes: Sequence[str] = ()
    origin: Mapping[str, str] = field(default_factory=dict)

    @property
    def leaks(self) -> bool:
        """Whether a model or a dataset carries a warning."""
        return any(m.warnings for m in self.models) or any(d.warnings for d in self.datasets)
