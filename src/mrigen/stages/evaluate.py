"""Judge a trained model on test subjects: numbers, tables, pictures, and all in its MLflow run."""

import csv
import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from mrigen import __version__
from mrigen.atomic import atomic_folder
from mrigen.bundle import Bundle, load_bundle
from mrigen.data.store.slice_store import SliceStore
from mrigen.errors import ModelError
from mrigen.evaluation.anomaly.judge import judge_anomaly
from mrigen.evaluation.brain_masks.judge import judge_brain_masks
from mrigen.evaluation.case import Case, RawData
from mrigen.evaluation.conditions.judge import judge_conditions
from mrigen.evaluation.contents import write_json, write_judgements
from mrigen.evaluation.copying.judge import judge_copying
from mrigen.evaluation.figures import curve_figure
from mrigen.evaluation.generation.judge import judge_generation
from mrigen.evaluation.judgement import Judgement
from mrigen.evaluation.latent.judge import judge_latent
from mrigen.evaluation.report.card import Card
from mrigen.evaluation.report.quiz import judge_quiz
from mrigen.evaluation.restoration.judge import judge_restoration
from mrigen.evaluation.stacks.judge import judge_stacks
from mrigen.evaluation.usefulness.judge import judge_usefulness
from mrigen.page.document import Picture
from mrigen.project import Project
from mrigen.stages.import_keras import IMPORTED
from mrigen.stages.model_card import DESCRIPTION_LENGTH, MODEL_CARD, model_card
from mrigen.tracking.run import Run
from mrigen.tracking.tracker import Tracker, connect
from mrigen.training.runtime import Runtime, choose_runtime

EVALUATED = "evaluated.json"

_DESCRIPTION = "mlflow.note.content"  # what MLflow's page shows above a run

#: Who judges what, in the order of the report. A judge finds nothing where it does not apply.
JUDGES: Mapping[str, Callable[[Case], Judgement]] = {
    "quiz": judge_quiz,
    "restoration": judge_restoration,
    "generation": judge_generation,
    "copying": judge_copying,
    "anomaly": judge_anomaly,
    "usefulness": judge_usefulness,
    "latent": judge_latent,
    "conditions": judge_conditions,
    "stacks": judge_stacks,
    "brain_masks": judge_brain_masks,
}

_logger = logging.getLogger(__name__)

Metrics = dict[str, float]


def evaluate(project: Project, model: str, *, runtime: Runtime | None = None) -> Metrics:
    """Judge a trained model and write `evaluation/<model>/`.

    The folder holds `metrics.json` (flat, all numbers finite), `evaluated.json` (which bundle,
    which data), `contents.json` (titles, and what could not be measured), `tables/` and
    `figures/`. All of it also goes to the run that trained the bundle.

    Parameters
    ----------
    project
        The project folder.
    model
        A name under `models:`; it must have been trained.
    runtime
        Where to compute; by default a GPU where there is one.

    Returns
    -------
    dict
        The metrics.

    Raises
    ------
    ConfigError, DataError, ModelError, TrackingError
        If the model, its bundle, its slices or the MLflow store cannot be used.
    """
    config = project.model_config(model)
    runtime = runtime or choose_runtime()
    tracker = connect(project.root)
    bundle = load_bundle(project.bundle(model), str(runtime.device))
    store = SliceStore(project.processed(config.dataset))
    store.verify()
    _require_same_data(bundle, store, model)
    case = _case(project, model, bundle, store, runtime)
    judgements = {section: judge(case) for section, judge in JUDGES.items()}
    metrics = {k: v for judgement in judgements.values() for k, v in judgement.metrics.items()}
    if not metrics:
        raise ModelError(
            f"model '{model}' is a {type(bundle.model).__name__}, of which nothing is judged: "
            "expected a network that restores or generates images, and a block of 'evaluation' "
            "that is not null. Use another network or set one."
        )
    curves = _draw_curves(project.model_folder(model) / "history.csv")
    if curves is not None:
        judgements["training"] = Judgement(pictures={"curves": curves})
    folder = project.evaluation(model)
    with atomic_folder(folder) as temporary:
        write_judgements(temporary, judgements)
        write_json(temporary / EVALUATED, _judged(case, bundle))
    _log(tracker, model, bundle, metrics, folder, model_card(project, model, metrics))
    return metrics


def _case(
    project: Project, model: str, bundle: Bundle, store: SliceStore, runtime: Runtime
) -> Case:
    config = project.model_config(model)
    dataset = project.dataset_config(config.dataset)
    named = config.evaluation.anomaly.dataset if config.evaluation.anomaly else None
    others = {named: SliceStore(project.processed(named))} if named else {}
    for other in others.values():
        other.verify()
    return Case(
        model=model,
        network=bundle.model,
        store=store,
        corruption=config.corruption,
        config=config.evaluation,
        device=runtime.device,
        cache=project.cache,
        others=others,
        raw=RawData(project.root, dataset, project.params.sources[dataset.source].max_voxels),
    )


def _judged(case: Case, bundle: Bundle) -> dict[str, object]:
    """Say what the numbers belong to; `compare` refuses those of another bundle."""
    return {
        "bundle": bundle.digest,
        "data_fingerprint": case.store.fingerprint,
        "evaluation": case.config.model_dump(mode="json"),
        "mrigen_version": __version__,
    }


def _require_same_data(bundle: Bundle, store: SliceStore, model: str) -> None:
    if bundle.config.image_size != store.size:
        raise ModelError(
            f"model '{model}' takes images of {bundle.config.image_size} pixels, but the slices of "
            f"'{store.path}' have {store.size}: expected the same. Cut the dataset to that size, "
            "or name another dataset."
        )
    if bundle.card.get("origin") == IMPORTED:
        return  # what it was trained on is unknown, which its card's warning says
    # Other slices may come with other splits: subjects the model has seen could be judges.
    trained_on = bundle.card.get("data_fingerprint")
    if trained_on != store.fingerprint:
        raise ModelError(
            f"model '{model}' was trained on slices with the fingerprint {str(trained_on)[:12]}, "
            f"but '{store.path}' now has {store.fingerprint[:12]}: its test subjects may have "
            f"been trained on. Run: mrigen train {model}."
        )


def _draw_curves(path: Path) -> Picture | None:
    if not path.exists():
        return None
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file, strict=True))
        if not rows:
            return None
        # A phase that runs in a part of the training leaves blanks in the other epochs.
        curves = {name: [float(row[name] or "nan") for row in rows] for name in rows[0]}
        curves["epoch"] = [float(row["epoch"]) for row in rows]
    except (OSError, ValueError, TypeError, LookupError, csv.Error) as error:
        # The numbers need no curves: they are worth having without.
        _logger.warning("'%s' is damaged (%s): the loss is not drawn.", path, error)
        return None
    return Picture(
        "Loss over training",
        "One panel a term of the loss, over epochs: training as a solid line, validation dashed.",
        curve_figure(curves),
    )


def _log(
    tracker: Tracker, model: str, bundle: Bundle, metrics: Metrics, folder: Path, card: Card
) -> None:
    run = tracker.find_run({"mrigen.bundle": bundle.digest})
    if run is not None:
        # The training has ended already: its status and its end stay as they are.
        _send(run, metrics, folder, card)
        run.flush()
        return
    tags = {"mrigen.bundle": bundle.digest, "mrigen.model": model}
    with tracker.start_run(name=model, tags=tags) as fresh:
        _send(fresh, metrics, folder, card)


def _send(run: Run, metrics: Metrics, folder: Path, card: Card) -> None:
    run.log_metrics(metrics)
    run.log_artifact(folder, "evaluation")
    with TemporaryDirectory() as temporary:
        path = Path(temporary) / MODEL_CARD
        path.write_text(card.markdown(), encoding="utf-8")
        run.log_artifact(path)
    run.set_tags({_DESCRIPTION: card.markdown(DESCRIPTION_LENGTH)})
