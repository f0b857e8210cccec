"""One page that compares models and opens from disk, and the same numbers as a table.

The page holds its style and its pictures, needs no script and no network, and depends on nothing
but what is given to it: the same inputs give the same bytes.
"""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from io import StringIO

from mrigen.evaluation.catalogue.listing import METRICS, metric_columns
from mrigen.evaluation.catalogue.metric import Metric, format_value
from mrigen.page.document import Picture, render_page

_FACT_COLUMNS = (
    "model", "network", "dataset", "split", "extractor", "parameters_trainable", "parameters_total",
    "epochs",
)  # fmt: skip
_TIMING_COLUMNS = (
    "device", "precision", "seconds", "seconds_per_epoch", "images_per_second", "peak_memory_gib",
)  # fmt: skip
_ORIGIN_COLUMNS = ("data_fingerprint", "bundle", "git_commit", "mrigen_version")

_NOTHING = "n/a"


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
    pictures
        In the order of the page.
    warnings
        What must be told with every number of this model; its rows are marked.
    """

    name: str
    facts: Mapping[str, str | int]
    timing: Mapping[str, str | float]
    metrics: Mapping[str, float]
    origin: Mapping[str, str]
    params: Mapping[str, str] = field(default_factory=dict)
    pictures: Sequence[Picture] = ()
    warnings: Sequence[str] = ()


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
    left_out
        Files that the index could not use, whatever the dataset.
    notes
        What a reader should know of the sources.
    """

    models: Sequence[ModelEntry]
    datasets: Sequence[DatasetEntry]
    missing: Mapping[str, str] = field(default_factory=dict)
    notices: Sequence[str] = ()
    left_out: Sequence[LeftOutFile] = ()
    notes: Sequence[str] = ()
    origin: Mapping[str, str] = field(default_factory=dict)

    @property
    def leaks(self) -> bool:
        """Whether a model or a dataset carries a warning."""
        return any(m.warnings for m in self.models) or any(d.warnings for d in self.datasets)


@dataclass(frozen=True)
class Cell:
    """One value of the comparison, and what stands below it in small print."""

    text: str
    notes: tuple[str, ...] = ()
    verdict: str = ""


@dataclass(frozen=True)
class Measure:
    """One column of a table: a heading, what it means, and a cell for each model."""

    label: str
    meaning: str
    cells: Sequence[Cell]
    direction: str = ""


@dataclass(frozen=True)
class Table:
    """Measures that belong together, and the models that have any of them."""

    title: str
    measures: Sequence[Measure]
    rows: Sequence[tuple[ModelEntry, Sequence[Cell]]]


def render_html(report: Report) -> str:
    """Return the page as one HTML document."""
    models = report.models
    groups = (
        ("The models", _model_measures(models)),
        ("Restoring and reproducing test slices", _metric_measures(models, "restoration")),
        ("Generating slices", _metric_measures(models, "generation")),
        ("What the latent carries", _metric_measures(models, "latent")),
        ("What training cost", _timing_measures(models)),
    )
    tables = [_table(title, measures, models) for title, measures in groups if measures]
    return render_page("mrigen.evaluation.report", "report.html.j2", report=report, tables=tables)


def _table(title: str, measures: Sequence[Measure], models: Sequence[ModelEntry]) -> Table:
    rows = zip(models, zip(*(measure.cells for measure in measures), strict=True), strict=True)
    filled = [(model, cells) for model, cells in rows if any(c.text != _NOTHING for c in cells)]
    return Table(title, measures, filled)


def render_csv(models: Sequence[ModelEntry]) -> str:
    """Return one line per model, with empty fields for what a model does not have."""
    columns = [*_FACT_COLUMNS, *_TIMING_COLUMNS, *metric_columns(), *_ORIGIN_COLUMNS]
    text = StringIO()
    writer = csv.DictWriter(text, columns, restval="", extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    for model in models:
        parts = {**model.facts, **model.timing, **model.metrics, **model.origin}
        plain = {k: f"{v:.6g}" if isinstance(v, float) else v for k, v in parts.items()}
        writer.writerow({"model": model.name} | plain)
    return text.getvalue()


def _model_measures(models: Sequence[ModelEntry]) -> list[Measure]:
    columns = (
        ("network", "Network", "The architecture."),
        ("dataset", "Dataset", "What it learned from and is tested on."),
        ("split", "Split", "What was dealt out to training, validation and test."),
        ("parameters_trainable", "Trainable parameters", "Numbers that training moves."),
        ("parameters_total", "All parameters", "With the statistics of batch normalisation."),
        ("epochs", "Epochs", "Passes over the training slices."),
    )
    measures = []
    for key, label, meaning in columns:
        values = (model.facts.get(key, _NOTHING) for model in models)
        cells = [Cell(f"{v:,}" if isinstance(v, int) else v) for v in values]
        measures.append(Measure(label, meaning, cells))
    return measures


def _timing_measures(models: Sequence[ModelEntry]) -> list[Measure]:
    columns = (
        ("seconds", "Training time", "Wall clock, without interruptions.", 0, "s"),
        ("seconds_per_epoch", "Time per epoch", "With validation.", 1, "s"),
        ("images_per_second", "Speed", "Training images.", 0, "per second"),
        ("peak_memory_gib", "Peak memory", "Of the GPU where there is one.", 2, "GiB"),
        ("device", "Hardware", "Where it was trained.", 0, ""),
        ("precision", "Precision", "Arithmetic of the training.", 0, ""),
    )
    measures = []
    for key, label, meaning, digits, unit in columns:
        if any(key in model.timing for model in models):
            values = (model.timing.get(key, _NOTHING) for model in models)
            cells = [
                Cell(v if isinstance(v, str) else format_value(v, digits=digits, unit=unit))
                for v in values
            ]
            measures.append(Measure(label, meaning, cells))
    return measures


def _metric_measures(models: Sequence[ModelEntry], task: str) -> list[Measure]:
    measures = []
    for metric in METRICS:
        if metric.task == task and any(metric.name in model.metrics for model in models):
            cells = [_metric_cell(metric, model.metrics) for model in models]
            direction = f"{metric.better} is better" if metric.better else ""
            measures.append(Measure(metric.label, metric.meaning, cells, direction))
    return measures


def _metric_cell(metric: Metric, values: Mapping[str, float]) -> Cell:
    value = values.get(metric.name)
    if value is None:
        return Cell(_NOTHING)

    def say(number: float) -> str:
        return format_value(number, digits=metric.digits, unit=metric.unit)

    notes = []
    if metric.spread in values:
        notes.append(f"± {say(values[metric.spread])} over slices")
    baseline = values.get(metric.baseline)
    verdict = ""
    if baseline is None and metric.spread in values:
        notes.append("from clean slices")
    if baseline is not None:
        notes.append(f"input as it came: {say(baseline)}")
        gained = value > baseline if metric.better == "higher" else value < baseline
        verdict = "better than its input" if gained else "no better than its input"
    return Cell(say(value), tuple(notes), verdict)
