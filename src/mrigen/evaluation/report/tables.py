"""All models side by side: one table over everything, and one for each thing that is judged."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from mrigen.evaluation.catalogue.listing import METRICS, find_metric, ordered
from mrigen.evaluation.catalogue.metric import Metric, format_value
from mrigen.evaluation.contents import section_title
from mrigen.evaluation.report.entries import ModelEntry
from mrigen.evaluation.report.spoken import MAIN, spoken_interval, spoken_value

NOTHING = "n/a"

_FACTS = (
    ("network", "Network"),
    ("dataset", "Dataset"),
    ("split", "Split"),
    ("epochs", "Epochs"),
    ("parameters_trainable", "Trainable parameters"),
    ("parameters_total", "All parameters"),
)
_TIMING = (
    ("seconds", "Training time", 0, "s"),
    ("seconds_per_epoch", "Time per epoch", 1, "s"),
    ("images_per_second", "Training images per second", 0, ""),
    ("peak_memory_gib", "Peak memory", 2, "GiB"),
    ("kilowatt_hours", "Energy", 4, "kWh"),
    ("mean_watts", "Mean power", 0, "W"),
    ("device", "Hardware", 0, ""),
    ("precision", "Precision of arithmetic", 0, ""),
)
_COSTS = ("seconds", "images_per_second", "kilowatt_hours")


@dataclass(frozen=True)
class Cell:
    """One value, and what stands below it in small print."""

    text: str
    notes: tuple[str, ...] = ()
    verdict: str = ""
    wins: bool = False


@dataclass(frozen=True)
class Line:
    """A heading with what it means, and a cell for each model of the table."""

    label: str
    cells: Sequence[Cell]
    meaning: str = ""
    direction: str = ""


@dataclass(frozen=True)
class SideBySide:
    """Lines that belong together, for the models that have any of them.

    Attributes
    ----------
    more
        Lines of one kind of damage, one extractor, one task each.
    by
        Whether models stand one below the other or side by side.
    """

    title: str
    models: Sequence[ModelEntry]
    lines: Sequence[Line]
    more: Sequence[Line] = ()
    by: Literal["rows", "columns"] = "columns"


def side_by_side(models: Sequence[ModelEntry]) -> list[SideBySide]:
    """Return the tables over all models, in the order of the page."""
    tables = [SideBySide("Everything in one table", models, _overview(models), by="rows")]
    for task in dict.fromkeys(metric.task for metric in METRICS):
        having = [model for model in models if _has(model, task)]
        if having:
            lines = [
                _metric_line(metric, having)
                for metric in METRICS
                if metric.task == task and any(metric.name in m.metrics for m in having)
            ]
            title = section_title(task)
            tables.append(SideBySide(title, having, lines, _qualified(having, task)))
    facts = [_fact(models, key, label) for key, label in _FACTS] + _costs(models, _TIMING)
    tables.append(SideBySide("What they are, and what training cost", models, facts, by="rows"))
    return tables


def _has(model: ModelEntry, task: str) -> bool:
    return any((m := find_metric(key)) is not None and m.task == task for key in model.metrics)


def _overview(models: Sequence[ModelEntry]) -> list[Line]:
    lines = [_fact(models, "dataset", "Dataset")]
    for keys in MAIN.values():
        key = next((k for k in keys if any(k in model.metrics for model in models)), None)
        metric = find_metric(key) if key else None
        if metric is not None:
            line = _metric_line(metric, models, controls=False)
            lines.append(Line(line.label, _winning(line, metric, models), *line_words(metric)))
    lines += _costs(models, [each for each in _TIMING if each[0] in _COSTS])
    lines.append(_fact(models, "parameters_trainable", "Trainable parameters"))
    return lines


def line_words(metric: Metric) -> tuple[str, str]:
    """Return a metric's meaning and which direction is better, in words."""
    return metric.meaning, f"{metric.better} is better" if metric.better else ""


def _winning(line: Line, metric: Metric, models: Sequence[ModelEntry]) -> list[Cell]:
    """Mark the best number of each dataset, where there are two or more."""
    best: dict[str, float] = {}
    counts: dict[str, int] = {}
    pick = max if metric.better == "higher" else min
    for model in models:
        if metric.name in model.metrics:
            dataset, value = str(model.facts.get("dataset")), model.metrics[metric.name]
            best[dataset] = pick(best.get(dataset, value), value)
            counts[dataset] = counts.get(dataset, 0) + 1
    cells = []
    for model, cell in zip(models, line.cells, strict=True):
        dataset = str(model.facts.get("dataset"))
        reached = model.metrics.get(metric.name)
        wins = reached is not None and counts[dataset] > 1 and reached == best[dataset]
        cells.append(Cell(cell.text, cell.notes, cell.verdict, wins))
    return cells


def _metric_line(metric: Metric, models: Sequence[ModelEntry], *, controls: bool = True) -> Line:
    cells = [_metric_cell(metric, model.metrics, controls=controls) for model in models]
    return Line(metric.label, cells, *line_words(metric))


def _metric_cell(metric: Metric, values: Mapping[str, float], *, controls: bool) -> Cell:
    value = values.get(metric.name)
    if value is None:
        return Cell(NOTHING)
    notes = []
    interval = spoken_interval(metric.name, values)
    if interval:
        notes.append(interval)
    if controls and metric.spread in values:
        notes.append(f"± {spoken_value(metric.name, values[metric.spread])} over slices")
    baseline = values.get(metric.baseline)
    if not controls or baseline is None:
        return Cell(spoken_value(metric.name, value), tuple(notes))
    notes.append(f"input as it came: {spoken_value(metric.name, baseline)}")
    gained = value > baseline if metric.better == "higher" else value < baseline
    verdict = "better than its input" if gained else "no better than its input"
    return Cell(spoken_value(metric.name, value), tuple(notes), verdict)


def _qualified(models: Sequence[ModelEntry], task: str) -> list[Line]:
    keys = {key for model in models for key in model.metrics if "/" in key}
    lines = []
    for key in ordered(keys):
        qualifier, _, name = key.rpartition("/")
        metric = find_metric(key)
        if metric is None or metric.task != task or metric.name != name:
            continue  # ends of intervals stand below their number
        cells = [
            Cell(spoken_value(key, model.metrics[key]), _notes(key, model.metrics))
            if key in model.metrics
            else Cell(NOTHING)
            for model in models
        ]
        label = f"{metric.label}: {qualifier.replace('_', ' ')}"
        lines.append(Line(label, cells, *line_words(metric)))
    return lines


def _notes(key: str, values: Mapping[str, float]) -> tuple[str, ...]:
    interval = spoken_interval(key, values)
    return (interval,) if interval else ()


def _fact(models: Sequence[ModelEntry], key: str, label: str) -> Line:
    values = [model.facts.get(key, NOTHING) for model in models]
    return Line(label, [Cell(f"{v:,}" if isinstance(v, int) else v) for v in values])


def _costs(
    models: Sequence[ModelEntry], columns: Sequence[tuple[str, str, int, str]]
) -> list[Line]:
    lines = []
    for key, label, digits, unit in columns:
        if any(key in model.timing for model in models):
            values = [model.timing.get(key, NOTHING) for model in models]
            cells = [
                Cell(v if isinstance(v, str) else format_value(v, digits=digits, unit=unit))
                for v in values
            ]
            lines.append(Line(label, cells))
    return lines
