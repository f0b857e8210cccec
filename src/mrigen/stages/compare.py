"""Put all evaluated models side by side: one page and one table."""

import json
import logging
from collections.abc import Mapping
from pathlib import Path

import pandas as pd
import torch

from mrigen import __version__
from mrigen.atomic import atomic_folder
from mrigen.bundle import bundle_digest, read_card, read_config
from mrigen.data.store import SliceStore
from mrigen.errors import DataError, ModelError
from mrigen.evaluation.report import (
    DatasetEntry,
    LeftOutFile,
    ModelEntry,
    Picture,
    Report,
    render_csv,
    render_html,
)
from mrigen.models.build import build_network, count_parameters
from mrigen.project import Project
from mrigen.stages.evaluate import ABOUT, CURVES, METRICS, RESTORATIONS, SAMPLES
from mrigen.tracking import flatten

PAGE, TABLE = "index.html", "comparison.csv"

SYNTHETIC = (
    "The data behind this report are synthetic: computed volumes, not people. Use it to try the "
    "software, never for research or diagnosis."
)

_PICTURES = {
    SAMPLES: (
        "Samples beside real slices",
        "Left, images drawn from the model without choosing among them; right, as many real "
        "slices of test subjects.",
    ),
    RESTORATIONS: (
        "Answers on test slices",
        "One slice a column. From top to bottom: the clean slice, the damaged input if there is "
        "damage (its patch outlined), the model's answer, and their absolute difference, white "
        "from a quarter of the range on. Below a picture, its PSNR against the clean slice.",
    ),
    CURVES: (
        "Loss over training",
        "One panel a term of the loss, over epochs: training as a solid line, validation dashed.",
    ),
}

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
    stores = {name: _open_store(project, name) for name in project.params.datasets}
    opened = {name: store for name, store in stores.items() if store is not None}
    report = Report(
        models=models,
        datasets=[_dataset_entry(project, name, store) for name, store in opened.items()],
        missing=missing,
        notices=[SYNTHETIC] if any(map(_is_synthetic, opened.values())) else [],
        left_out=_left_out(project.index / "summary.json"),
        origin={"mrigen": __version__, "torch": torch.__version__},
    )
    with atomic_folder(project.report) as folder:
        (folder / PAGE).write_text(render_html(report), encoding="utf-8")
        (folder / TABLE).write_text(render_csv(models), encoding="utf-8")
    return project.report / PAGE


def _why_not(project: Project, model: str) -> str | None:
    folder = project.evaluation(model)
    if not project.bundle(model).is_dir():
        return f"has not been trained: run mrigen train {model}."
    if not (folder / METRICS).exists() or not (folder / ABOUT).exists():
        return f"has not been evaluated: run mrigen evaluate {model}."
    if _read_json(folder / ABOUT).get("bundle") != bundle_digest(project.bundle(model)):
        return f"was trained again after its evaluation: run mrigen evaluate {model}."
    return None


def _model_entry(project: Project, model: str) -> ModelEntry:
    path, folder = project.bundle(model), project.evaluation(model)
    config, card, about = read_config(path), read_card(path), _read_json(folder / ABOUT)
    with torch.device("meta"):  # shapes are enough to count
        trainable, total = count_parameters(build_network(config.network, config.image_size))
    params = card.get("params", {})
    flat = flatten(params) if isinstance(params, dict) else {}
    metrics = {key: float(str(value)) for key, value in _read_json(folder / METRICS).items()}
    facts: dict[str, str | int] = {
        "network": config.network.name,
        "dataset": project.model_config(model).dataset,
        "parameters_trainable": trainable,
        "parameters_total": total,
    }
    if "training.epochs" in flat:
        facts["epochs"] = int(flat["training.epochs"])
    evaluation = flatten({"evaluation": about.get("evaluation", {})})
    if "frechet_distance" in metrics:
        facts["extractor"] = evaluation["evaluation.extractor"]
    origin = {key: str(card.get(key) or "unknown") for key in ("data_fingerprint", "git_commit")}
    origin |= {"bundle": str(about["bundle"]), "mrigen_version": str(card.get("mrigen_version"))}
    return ModelEntry(
        name=model,
        facts=facts,
        timing=_timing(project.model_folder(model) / "timing.json"),
        metrics=metrics,
        origin=origin,
        params=flat | evaluation,
        pictures=_pictures(folder, model),
    )


def _pictures(folder: Path, model: str) -> list[Picture]:
    return [
        Picture(title, f"{model}: {description}", (folder / name).read_bytes())
        for name, (title, description) in _PICTURES.items()
        if (folder / name).exists()
    ]


def _timing(path: Path) -> dict[str, str | float]:
    if not path.exists():
        return {}
    values = _read_json(path)
    return {key: v for key, v in values.items() if isinstance(v, str | float | int)}


def _open_store(project: Project, dataset: str) -> SliceStore | None:
    path = project.processed(dataset)
    return SliceStore(path) if path.is_dir() else None


def _dataset_entry(project: Project, dataset: str, store: SliceStore) -> DatasetEntry:
    manifest = store.manifest
    splits = {
        str(split): (int(part["subject"].nunique()), len(part))
        for split, part in manifest.groupby("split", sort=False, observed=True)
    }
    order = sorted(splits, key=lambda s: ("train", "validation", "test", s).index(s))
    sheet = store.path / "contact_sheet.png"
    description = f"{dataset}: slices of the dataset as the models see them."
    pictures = [Picture("Contact sheet", description, sheet.read_bytes())] if sheet.exists() else []
    return DatasetEntry(
        name=dataset,
        splits={split: splits[split] for split in order},
        facts=_cohort_facts(manifest, store),
        left_out=_left_out(project.processed(dataset) / "summary.json"),
        pictures=pictures,
    )


def _cohort_facts(manifest: pd.DataFrame, store: SliceStore) -> dict[str, str]:
    people = manifest.drop_duplicates("subject")
    facts = {
        "Subjects": f"{len(people):,}",
        "Slices": f"{len(manifest):,} of {store.size} x {store.size} pixels",
        "Modalities": _counted(manifest["modality"], "slices"),
    }
    ages = people["age"].dropna().astype(float)
    if len(ages):
        known = f"{len(ages)} subjects" if len(ages) < len(people) else "all subjects"
        facts["Age"] = (
            f"{ages.min():.0f} to {ages.max():.0f} years, mean {ages.mean():.1f} ({known})"
        )
    for label, column in (("Sex", "sex"), ("Sites", "site")):
        if people[column].notna().any():
            facts[label] = _counted(people[column].dropna(), "subjects")
    return facts | {"Fingerprint": store.fingerprint[:12]}


def _counted(values: "pd.Series[str]", of_what: str) -> str:
    counts = values.astype(str).value_counts().sort_index()
    return ", ".join(f"{name} ({count:,})" for name, count in counts.items()) + f" {of_what}"


def _is_synthetic(store: SliceStore) -> bool:
    return bool(store.manifest["subject"].astype(str).str.startswith("DEMO").any())


def _left_out(path: Path) -> list[LeftOutFile]:
    if not path.exists():
        return []
    entries = _read_json(path).get("left_out", [])
    if not isinstance(entries, list):
        raise DataError(f"'{path}' has a 'left_out' that is no list: run mrigen index again.")
    return [LeftOutFile(str(entry["path"]), str(entry["reason"])) for entry in entries]


def _read_json(path: Path) -> Mapping[str, object]:
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
