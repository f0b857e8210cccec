"""Put all evaluated models side by side: one page and one table."""

import logging
from collections.abc import Mapping
from math import isfinite
from pathlib import Path

import torch

from mrigen import __version__
from mrigen.atomic import atomic_folder
from mrigen.bundle import bundle_digest, read_card, read_config
from mrigen.data.store.slice_store import SliceStore
from mrigen.errors import DataError, ModelError
from mrigen.evaluation.contents import FIGURES, METRICS, read_contents
from mrigen.evaluation.report.page import (
    ModelEntry,
    Report,
    render_csv,
    render_html,
)
from mrigen.models.build import build_network, count_parameters
from mrigen.page.document import Picture
from mrigen.project import Project
from mrigen.stages.cohort import dataset_entry, is_synthetic, read_object, read_summary
from mrigen.stages.evaluate import EVALUATED
from mrigen.tracking.run import flatten

PAGE, TABLE = "index.html", "comparison.csv"

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
    """Write `report/index.html` and `report/comparison.csv` over all evaluated models.

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
            models.append(_model_entry(project, name))
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
    report = Report(
        models=models,
        datasets=[dataset_entry(name, store) for name, store in stores.items()],
        missing=missing,
        notices=_notices(stores),
        left_out=left_out,
        notes=notes,
        origin={"mrigen": __version__, "torch": torch.__version__},
    )
    with atomic_folder(project.report) as folder:
        (folder / PAGE).write_text(render_html(report), encoding="utf-8")
        (folder / TABLE).write_text(render_csv(models), encoding="utf-8")
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
    if not (folder / METRICS).exists() or not (folder / EVALUATED).exists():
        return f"has not been evaluated: run mrigen evaluate {model}."
    if read_object(folder / EVALUATED).get("bundle") != bundle_digest(project.bundle(model)):
        return f"was trained again after its evaluation: run mrigen evaluate {model}."
    return None


def _model_entry(project: Project, model: str) -> ModelEntry:
    path, folder = project.bundle(model), project.evaluation(model)
    config, card, evaluated = read_config(path), read_card(path), read_object(folder / EVALUATED)
    with torch.device("meta"):  # shapes are enough to count
        trainable, total = count_parameters(build_network(config.network, config.image_size))
    params = card.get("params", {})
    flat = flatten(params) if isinstance(params, dict) else {}
    metrics = _read_metrics(folder / METRICS)
    facts: dict[str, str | int] = {
        "network": config.network.name,
        "dataset": project.model_config(model).dataset,
        "split": str(card.get("split", "unknown")),
        "parameters_trainable": trainable,
        "parameters_total": total,
    }
    if "training.epochs" in flat:
        facts["epochs"] = int(flat["training.epochs"])
    evaluation = flatten({"evaluation": evaluated.get("evaluation", {})})
    if "frechet_distance" in metrics:
        facts["extractor"] = evaluation.get("evaluation.extractors", "unknown")
    origin = {key: str(card.get(key) or "unknown") for key in ("data_fingerprint", "git_commit")}
    origin |= {
        "bundle": str(evaluated["bundle"]),
        "mrigen_version": str(card.get("mrigen_version")),
    }
    return ModelEntry(
        name=model,
        facts=facts,
        timing=_timing(project.model_folder(model) / "timing.json", bundle_digest(path)),
        metrics=metrics,
        origin=origin,
        params=flat | evaluation,
        pictures=_pictures(folder),
        warnings=_warnings(card),
    )


def _warnings(card: Mapping[str, object]) -> list[str]:
    # Those of the data that the model was trained on, whatever stands in their place today.
    warnings = card.get("warnings", [])
    return [str(warning) for warning in warnings] if isinstance(warnings, list) else []


def _read_metrics(path: Path) -> dict[str, float]:
    metrics = {}
    for key, value in read_object(path).items():
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if not number or not isfinite(float(str(value))):
            raise DataError(
                f"'{path}' has {key} {str(value)[:80]!r}: expected a finite number. Run: mrigen "
                f"evaluate {path.parent.name}."
            )
        metrics[key] = float(str(value))
    return metrics


def _pictures(folder: Path) -> list[Picture]:
    pictures = []
    for section in read_contents(folder).values():
        for name, words in section.pictures.items():
            png = (folder / FIGURES / f"{name}.png").read_bytes()
            pictures.append(Picture(words.title, words.description, png))
    return pictures


def _timing(path: Path, digest: str) -> dict[str, str | float]:
    values = read_object(path) if path.exists() else {}
    if values.get("bundle") != digest:
        return {}  # DVC may have brought back a bundle that was trained elsewhere
    return {
        key: value
        for key, value in values.items()
        if key != "bundle" and isinstance(value, str | float | int)
    }
