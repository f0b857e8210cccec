"""Train a model: from a slice store to a bundle, with every run in MLflow."""

import csv
import json
import logging
from pathlib import Path

from mrigen import __version__
from mrigen.atomic import atomic_file, write_text
from mrigen.bundle import BundleConfig, save_bundle
from mrigen.data.loader import TRAIN, VALIDATION, ordered_batches, training_batches
from mrigen.data.store.slice_store import SliceStore
from mrigen.objectives.build import build_objective
from mrigen.project import Project
from mrigen.seeds import torch_seed
from mrigen.stages.cohort import is_synthetic
from mrigen.stages.interrupts import held_interrupts
from mrigen.stages.progress import TrainingBar
from mrigen.stages.provenance import dvc_hash, git_commit
from mrigen.stages.training_job import TrainingJob
from mrigen.stages.training_session import (
    Row,
    TrainingSession,
    resume_session,
    save_session,
    start_session,
)
from mrigen.tracking.tracker import connect
from mrigen.training.loop import Progress, fit, validate
from mrigen.training.runtime import Runtime, choose_runtime
from mrigen.training.state import TrainState
from mrigen.training.timing import Timing, peak_memory_gib

VALIDATION_SLICES = 512

_log = logging.getLogger(__name__)


def train(
    project: Project, model: str, *, runtime: Runtime | None = None, progress: bool = True
) -> str:
    """Train a model of `params.yaml` and write its bundle; return the bundle's digest.

    A run that was killed goes on from its last checkpoint when nothing it depends on has
    changed, and ends with the same bytes as one that was never interrupted (on a CPU).

    Parameters
    ----------
    project
        The project folder.
    model
        A name under `models:`.
    runtime
        Where to compute; by default a GPU where there is one.
    progress
        Show a progress bar.

    Raises
    ------
    ConfigError, DataError, ModelError, TrackingError
        Before any work, if the model, its data or the MLflow store cannot be used; later, if
        training diverges.
    """
    config = project.model_config(model)
    runtime = runtime or choose_runtime()
    tracker = connect(project.root)
    store = SliceStore(project.processed(config.dataset))
    store.verify()
    job = TrainingJob(project, model, config, store, runtime)
    with job.alone():
        state = job.prepare()
        session = resume_session(job, state, tracker) or start_session(job, tracker)
        with session.run:
            _fit(job, state, session, progress=progress)
            digest = _finish(job, state, session)
        job.checkpoint.unlink(missing_ok=True)
    return digest


def _fit(job: TrainingJob, state: TrainState, session: TrainingSession, *, progress: bool) -> None:
    training = job.config.training
    steps = job.steps_per_epoch()
    batches = training_batches(
        job.dataset(TRAIN),
        batch_size=training.batch_size,
        start_step=state.step,
        device=job.runtime.device,
        workers=job.runtime.workers,
    )
    loop = fit(state, batches, training, steps_per_epoch=steps, runtime=job.runtime)
    bar = TrainingBar(
        job.model,
        total=training.epochs * steps,
        done=state.step,
        batch_size=training.batch_size,
        shown=progress,
    )
    with bar, held_interrupts() as asked_to_stop:
        for point in loop:
            if point.terms is not None:
                bar.note(_end_epoch(job, state, session, point))
            bar.advance()
            stop = asked_to_stop()
            if stop or session.save_is_due:
                save_session(job, state, session)
            if stop:
                raise KeyboardInterrupt


def _end_epoch(
    job: TrainingJob, state: TrainState, session: TrainingSession, point: Progress
) -> Row:
    assert point.terms is not None
    row = {"epoch": float(point.epoch)}
    row |= {f"train/{name}": value for name, value in point.terms.items()}
    row |= {f"validation/{name}": value for name, value in _validate(job, state).items()}
    session.history.append(row)
    curves = {name: value for name, value in row.items() if name != "epoch"}
    speed = {"images_per_second": point.images / session.clock.seconds}
    session.run.log_metrics(curves | speed, step=point.epoch)
    return row


def _validate(job: TrainingJob, state: TrainState) -> Row:
    if not len(job.store.positions(VALIDATION)):
        return {}
    batches = ordered_batches(
        job.dataset(VALIDATION),
        batch_size=job.config.training.batch_size,
        limit=VALIDATION_SLICES,
        device=job.runtime.device,
    )
    objective = build_objective(job.config.objective, state.final_network)
    seed = torch_seed(job.config.training.seed, "validate")
    return validate(objective, batches, seed=seed, runtime=job.runtime)


def _finish(job: TrainingJob, state: TrainState, session: TrainingSession) -> str:
    """Write the bundle, the curves and the timing, and tell MLflow."""
    save_session(job, state, session)
    training, project = job.config.training, job.project
    network = state.final_network.requires_grad_(requires_grad=False).eval()
    bundle = BundleConfig(model=job.model, image_size=job.store.size, network=job.config.network)
    digest = save_bundle(project.bundle(job.model), network, config=bundle, card=_card(job))
    _write_history(project.model_folder(job.model) / "history.csv", session.history)
    timing = Timing(
        bundle=digest,
        device=job.runtime.device_name,
        precision=job.runtime.precision,
        seconds=session.clock.seconds,
        seconds_per_epoch=session.clock.seconds / training.epochs,
        images_per_second=state.step * training.batch_size / session.clock.seconds,
        peak_memory_gib=peak_memory_gib(job.runtime.device),
    )
    write_text(project.model_folder(job.model) / "timing.json", json.dumps(timing, indent=2) + "\n")
    session.run.set_tags({"mrigen.bundle": digest})
    numbers = {name: value for name, value in timing.items() if isinstance(value, float)}
    session.run.log_metrics(numbers, step=training.epochs)
    session.run.log_artifact(project.bundle(job.model), "bundle")
    _log.info("%s: bundle %s is in %s", job.model, digest[:12], project.bundle(job.model))
    return digest


def _card(job: TrainingJob) -> dict[str, object]:
    return {
        "model": job.model,
        "dataset": job.config.dataset,
        "data_fingerprint": job.store.fingerprint,
        "split": job.store.split_kind,
        "warnings": list(job.store.warnings),
        "dvc_data": dvc_hash(job.project.root),
        "synthetic_data": is_synthetic(job.store),
        "git_commit": git_commit(job.project.root),
        "mrigen_version": __version__,
        "params": job.section,
    }


def _write_history(path: Path, history: list[Row]) -> None:
    with atomic_file(path) as temporary, temporary.open("w", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(history[-1]))
        writer.writeheader()
        writer.writerows(history)
