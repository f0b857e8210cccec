"""Put all evaluated models side by side: one page and one table."""

import csv
import logging
import shutil
from collections.abc import Mapping, Sequence
from io import StringIO
from pathlib import Path

import torch

from mrigen import __version__
from mrigen.atomic import atomic_folder
from mrigen.bundle import bundle_digest
from mrigen.data.store.slice_store import SliceStore
from mrigen.errors import ModelError
from mrigen.evaluation.comparison.paired import compare_pairs
from mrigen.evaluation.comparison.panels import Trained, pareto_panels
from mrigen.evaluation.comparison.pareto import pareto_figure
from mrigen.evaluation.comparison.slice_scores import SliceScores, read_slice_scores
from mrigen.evaluation.contents import CONTENTS, FIGURES, METRICS, TABLES
from mrigen.evaluation.judgement import Table
from mrigen.evaluation.report.entries import ModelEntry, Report, TableEntry
from mrigen.evaluation.report.page import render_csv, render_html
from mrigen.page.document import Picture
from mrigen.project import Project
from mrigen.stages.cohort import dataset_entry, is_synthetic, read_object, read_summary
from mrigen.stages.evaluate import EVALUATED
from mrigen.stages.report_entries import model_entry

PAGE, TABLE, CARDS = "index.html", "comparison.csv", "model_cards"

SYNTHETIC = (
    "The data behind this report are synthetic: computed volumes, not people. Use it to try the "
    "software, never for research or diagnosis."
)
PARTLY_SYNTHETIC = (
    "Some of the data behind this report are synthetic: computed volumes, not people ({datasets}). "
    "The other datasets are not declared synthetic. Use what was learnt from synthetic data to try "
    "the software, never for research or diagnosis."
)

_log = logging.getLogger(__name__)


def compare(project: Project) -> Path:
    """Write `report/` over all evaluated models: a page, and the same numbers as files.

    Beside `index.html` lie `comparison.csv` (a line per model, all numbers), `tables/` (the paired
    tests, and the tables of each model in a folder of its own), `figures/` and `model_cards/`.

    Models that are not trained or not evaluated, or whose numbers belong to another bundle, are
    named in the report with what to do.

    Parameters
    ----------
    project
        The project folder.

    Returns
    -------
    Path
        The page.

    Raises
    ------
    ModelError
        If no model can be compared.
    DataError
        If a file of an evaluation or a summary is damaged.
    """
    models, missing = [], {}
    for name in project.params.models:
        reason = _why_not(project, name)
        if reason is None:
            models.append(model_entry(project, name))
        else:
            missing[name] = reason
            _log.warning("Model '%s' is not compared: it %s", name, reason)
    if not models:
        raise ModelError(
            "no model can be compared: expected evaluated ones. "
            + " ".join(f"Model '{name}' {reason}" for name, reason in missing.items())
        )
    stores = {
        name: SliceStore(project.processed(name))
        for name in project.params.datasets
        if project.processed(name).is_dir()
    }
    left_out, notes = read_summary(project.index / "summary.json")
    found = compare_pairs(_slice_scores(project, models))
    tests = (
        {"paired_summary": found.summary, "paired_tests": found.pairs} if found.pairs.rows else {}
    )
    report = Report(
        models=models,
        datasets=[dataset_entry(name, store) for name, store in stores.items()],
        missing=missing,
        notices=_notices(stores),
        tests=[_table_entry(name, table) for name, table in tests.items()],
        test_remarks=found.remarks,
        pareto=_pareto(models),
        left_out=left_out,
        notes=notes,
        origin={"mrigen": __version__, "torch": torch.__version__},
    )
    with atomic_folder(project.report) as folder:
        _write(folder, project, report, tests)
    return project.report / PAGE


def _notices(stores: Mapping[str, SliceStore]) -> list[str]:
    synthetic = [name for name, store in stores.items() if is_synthetic(store)]
    if not synthetic:
        return []
    if len(synthetic) == len(stores):
        return [SYNTHETIC]
    return [PARTLY_SYNTHETIC.format(datasets=", ".join(synthetic))]


def _why_not(project: Project, model: str) -> str | None:
    folder = project.evaluation(model)
    if not project.bundle(model).is_dir():
        return f"has not been trained: run mrigen train {model}."
    if not all((folder / name).exists() for name in (METRICS, CONTENTS, EVALUATED)):
        return f"has not been evaluated: run mrigen evaluate {model}."
    if read_object(folder / EVALUATED).get("bundle") != bundle_digest(project.bundle(model)):
        return f"was trained again after its evaluation: run mrigen evaluate {model}."
    return None


def _slice_scores(project: Project, models: Sequence[ModelEntry]) -> list[SliceScores]:
    found = []
    for model in models:
        folder, config = project.evaluation(model.name), project.model_config(model.name)
        scores = read_slice_scores(
            folder,
            model=model.name,
            dataset=config.dataset,
            corruption=config.model_dump(mode="json")["corruption"],
            evaluated=read_object(folder / EVALUATED),
        )
        found += [scores] if scores is not None else []
    return found


def _table_entry(name: str, table: Table) -> TableEntry:
    columns, *rows = csv.reader(StringIO(table.csv()))
    return TableEntry(name, table.title, table.description, columns, rows, f"{TABLES}/{name}.csv")


def _pareto(models: Sequence[ModelEntry]) -> Picture | None:
    trained = [
        Trained(
            model=model.name,
            dataset=str(model.facts["dataset"]),
            seconds=float(model.timing["seconds"]) if "seconds" in model.timing else None,
            metrics=model.metrics,
        )
        for model in models
    ]
    panels, remarks = pareto_panels(trained)
    if not panels:
        return None
    shown = "; ".join(f"{panel.label} on {panel.title}" for panel in panels)
    words = (
        "Each model's quality over the seconds its training took, on a logarithmic scale, a panel "
        f"for each number and dataset: {shown}. Vertical lines are 95 % intervals over subjects. "
        "Models on the orange line are the choice: none is both quicker and better."
    )
    return Picture(
        "Quality over time of training", " ".join([words, *remarks]), pareto_figure(panels)
    )


def _write(folder: Path, project: Project, report: Report, tests: Mapping[str, Table]) -> None:
    (folder / PAGE).write_text(render_html(report), encoding="utf-8")
    (folder / TABLE).write_text(render_csv(report.models), encoding="utf-8")
    for name in (TABLES, FIGURES, CARDS):
        (folder / name).mkdir()
    for name, table in tests.items():
        (folder / TABLES / f"{name}.csv").write_text(table.csv(), encoding="utf-8")
    if report.pareto is not None:
        (folder / FIGURES / "pareto.png").write_bytes(report.pareto.png)
    for model in report.models:
        if model.card is not None:
            path = folder / CARDS / f"{model.name}.md"
            path.write_text(model.card.markdown(), encoding="utf-8")
        own = project.evaluation(model.name) / TABLES
        if own.is_dir():
            shutil.copytree(own, folder / TABLES / model.name)
