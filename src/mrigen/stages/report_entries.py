"""What a report says of each model, read from what training and evaluation left behind."""

from collections.abc import Mapping
from math import isfinite
from pathlib import Path

from mrigen.bundle import bundle_digest, read_card, read_config
from mrigen.errors import DataError
from mrigen.evaluation.contents import (
    FIGURES,
    METRICS,
    TABLES,
    Section,
    read_contents,
    read_table,
    section_title,
)
from mrigen.evaluation.report.entries import ModelEntry, SectionEntry, TableEntry
from mrigen.models.build import count_configured
from mrigen.page.document import Picture
from mrigen.project import Project
from mrigen.stages.cohort import read_object
from mrigen.stages.evaluate import EVALUATED
from mrigen.stages.model_card import gate_refusals, model_card
from mrigen.tracking.run import flatten


def model_entry(project: Project, model: str) -> ModelEntry:
    """Read everything that a report says of one evaluated model.

    Raises
    ------
    DataError, ModelError
        If a file is missing or damaged.
    """
    path, folder = project.bundle(model), project.evaluation(model)
    config, card, evaluated = read_config(path), read_card(path), read_object(folder / EVALUATED)
    trainable, total = count_configured(config.network, config.image_size)
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
        sections=[_section(folder, *item) for item in read_contents(folder).items()],
        warnings=_warnings(card),
        refusals=gate_refusals(project, model, metrics),
        card=model_card(project, model, metrics),
    )


def _section(folder: Path, name: str, section: Section) -> SectionEntry:
    pictures = {
        each: Picture(words.title, words.description, _png(folder, each))
        for each, words in section.pictures.items()
    }
    tables = {}
    for each, words in section.tables.items():
        columns, rows = read_table(folder, each)
        address = f"{TABLES}/{folder.name}/{each}.csv"
        tables[each] = TableEntry(each, words.title, words.description, columns, rows, address)
    return SectionEntry(name, section_title(name), pictures, tables, section.remarks)


def _png(folder: Path, name: str) -> bytes:
    path = folder / FIGURES / f"{name}.png"
    try:
        return path.read_bytes()
    except OSError as error:
        raise DataError(
            f"'{path}' cannot be read ({error.strerror}): run mrigen evaluate {folder.name}."
        ) from None


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


def _timing(path: Path, digest: str) -> dict[str, str | float]:
    values = read_object(path) if path.exists() else {}
    if values.get("bundle") != digest:
        return {}  # DVC may have brought back a bundle that was trained elsewhere
    return {
        key: value
        for key, value in values.items()
        if key != "bundle" and isinstance(value, str | float | int)
    }
