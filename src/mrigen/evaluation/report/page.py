"""One page that compares models and opens from disk, and the same numbers as a table.

The page holds its style and its pictures, needs no script and no network, and depends on nothing
but what is given to it: the same inputs give the same bytes.
"""

import csv
from collections.abc import Sequence
from io import StringIO

from mrigen.evaluation.catalogue.listing import METRICS, metric_columns, ordered
from mrigen.evaluation.report.entries import ModelEntry, Report
from mrigen.evaluation.report.quiz import KEY, QUIZ
from mrigen.evaluation.report.short import in_short
from mrigen.evaluation.report.tables import side_by_side
from mrigen.page.document import render_page

_FACT_COLUMNS = (
    "model", "network", "dataset", "split", "extractor", "parameters_trainable", "parameters_total",
    "epochs",
)  # fmt: skip
_TIMING_COLUMNS = (
    "device", "precision", "seconds", "seconds_per_epoch", "images_per_second", "peak_memory_gib",
    "energy_source", "joules", "kilowatt_hours", "mean_watts",
)  # fmt: skip
_ORIGIN_COLUMNS = ("data_fingerprint", "bundle", "git_commit", "mrigen_version")


def render_html(report: Report) -> str:
    """Return the page as one HTML document."""
    quizzes = [
        (model, section.pictures[QUIZ], section.tables[KEY])
        for model in report.models
        for section in model.sections
        if QUIZ in section.pictures and KEY in section.tables
    ]
    measured = {key.rpartition("/")[2] for model in report.models for key in model.metrics}
    return render_page(
        "mrigen.evaluation.report",
        "report.html.j2",
        report=report,
        tables=side_by_side(report.models),
        short={model.name: in_short(model.metrics, model.refusals) for model in report.models},
        quizzes=quizzes,
        catalogue=[metric for metric in METRICS if metric.name in measured],
    )


def render_csv(models: Sequence[ModelEntry]) -> str:
    """Return one line per model, with empty fields for what a model does not have."""
    qualified = ordered({key for model in models for key in model.metrics if "/" in key})
    columns = [
        *(*_FACT_COLUMNS, *_TIMING_COLUMNS),
        *(*metric_columns(), *qualified),
        *_ORIGIN_COLUMNS,
    ]
    text = StringIO()
    writer = csv.DictWriter(text, columns, restval="", extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    for model in models:
        parts = {**model.facts, **model.timing, **model.metrics, **model.origin}
        plain = {k: f"{v:.6g}" if isinstance(v, float) else v for k, v in parts.items()}
        writer.writerow({"model": model.name} | plain)
    return text.getvalue()
