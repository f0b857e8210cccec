"""Train a model: from a slice store to a bundle, with every run in MLflow."""

import csv
import json
import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

import torch
from filelock import FileLock, Timeout

from mrigen import __version__
from mrigen.atomic import atomic_file, write_text
from mrigen.bundle import BundleConfig, save_bundle
from mrigen.data.loader import TRAIN, VALIDATION, SliceDataset, ordered_batches, training_batches
from mrigen.data.store.slice_store import SliceStore
from mrigen.errors import ModelError
from mrigen.models.build import build_network, count_parameters
from mrigen.objectives.build import build_objective
from mrigen.project import ModelConfig, Project
from mrigen.seeds import torch_seed
from mrigen.stages.cohort import is_synthetic
from mrigen.stages.interrupts import held_interrupts
from mrigen.stages.progress import TrainingBar
from mrigen.stages.provenance import dvc_hash, git_commit, source_hash
from mrigen.tracking.run import Run
from mrigen.tracking.tracker import Tracker, connect
from mrigen.training.loop import Progress, fit, start_state, validate
from mrigen.training.runtime import Runtime, choose_runtime
from mrigen.training.state import TrainState, load_state, read_extra, save_state
from mrigen.training.timing import Stopwatch, Timing, peak_memory_gib

# What decides the weights beside parameters and data.
CODE = ("data/loader.py", "data/corruptions", "seeds.py", "models", "objectives", "training")
CHECKPOINT_SECONDS = 20.0
SAVE_SHARE = 20  # a save may cost a twentieth of the time
VALIDATION_SLICES = 512

Row = dict[str, float]

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
    job = _Job(project, model, config, store, runtime)
    with job.alone():
        state = job.prepare()
        session = _resume(job, state, tracker) or _start(job, tracker)
        with session.run:
            _fit(job, state, session, progress=progress)
            digest = _finish(job, state, session)
        job.checkpoint.unlink(missing_ok=True)
    return digest


@dataclass
class _Session:
    """What belongs to one training beside its state: the MLflow run, the curves, the clock."""

    run: Run
    history: list[Row] = field(default_factory=list)
    clock: Stopwatch = field(default_factory=Stopwatch)
    saved: float = field(default_factory=time.monotonic)
    save_seconds: float = 0.0

    @property
    def save_is_due(self) -> bool:
        """Whether enough time has passed; large states are saved less often."""
        pause = max(CHECKPOINT_SECONDS, SAVE_SHARE * self.save_seconds)
        return time.monotonic() - self.saved > pause


@dataclass(frozen=True)
class _Job:
    """What is trained, on what, where."""

    project: Project
    model: str
    config: ModelConfig
    store: SliceStore
    runtime: Runtime

    @property
    def checkpoint(self) -> Path:
        return self.project.checkpoint(self.model)

    @property
    def section(self) -> dict[str, object]:
        """The part of the model's parameters that decides its weights."""
        dumped = self.config.model_dump(mode="json")
        return {key: dumped[key] for key in ("network", "objective", "corruption", "training")}

    @property
    def identity(self) -> str:
        """A checkpoint with another identity belongs to another training."""
        code = source_hash(*CODE)
        runtime = [self.runtime.device.type, self.runtime.precision, torch.__version__]
        parts = [self.section, self.store.fingerprint, code, *runtime]
        return sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Keep other processes from training the same model in the same project."""
        self.checkpoint.parent.mkdir(parents=True, exist_ok=True)
        try:
            with FileLock(self.checkpoint.with_suffix(".lock"), timeout=0):
                yield
        except Timeout:
            raise ModelError(
                f"model '{self.model}' is being trained by another process in this project: wait "
                "for it or stop it."
            ) from None

    def prepare(self) -> TrainState:
        """Make the state of step 0: the same weights for the same seed."""
        seed = self.config.training.seed
        torch.manual_seed(torch_seed(seed, "initialise"))
        network = build_network(self.config.network, self.store.size)
        objective = build_objective(self.config.objective, network)
        state = start_state(objective, self.config.training, self.runtime)
        torch.manual_seed(torch_seed(seed, "train"))
        return state

    def dataset(self, split: str) -> SliceDataset:
        return SliceDataset(
            self.store, split, corruption=self.config.corruption, seed=self.config.training.seed
        )

    def steps_per_epoch(self) -> int:
        return max(1, round(len(self.dataset(TRAIN)) / self.config.training.batch_size))


def _start(job: _Job, tracker: Tracker) -> _Session:
    trainable, total = count_parameters(build_network(job.config.network, job.store.size))
    tags = {
        "mrigen.model": job.model,
        "mrigen.dataset": job.config.dataset,
        "mrigen.data": job.store.fingerprint,
        "mrigen.split": job.store.split_kind,
        "mrigen.version": __version__,
        "mrigen.device": job.runtime.device_name,
        "mrigen.precision": job.runtime.precision,
        "dvc.data": dvc_hash(job.project.root) or "unknown",
        "mlflow.source.git.commit": git_commit(job.project.root) or "unknown",
    }
    sizes = {"parameters": {"trainable": trainable, "total": total}}
    params = {"dataset": job.config.dataset, **job.section, **sizes}
    return _Session(tracker.start_run(name=job.model, tags=tags, params=params))


def _resume(job: _Job, state: TrainState, tracker: Tracker) -> _Session | None:
    if not job.checkpoint.exists():
        return None
    extra = read_extra(job.checkpoint)
    if extra["identity"] != job.identity:
        _log.warning(
            "The checkpoint of '%s' has other parameters, data or code: begun anew.", job.model
        )
        return None
    load_state(state, job.checkpoint)
    run = tracker.resume_run(extra["run"]) or _start(job, tracker).run
    _log.info("Going on with '%s' after step %d.", job.model, state.step)
    return _Session(run, extra["history"], Stopwatch(extra["seconds"]))


def _fit(job: _Job, state: TrainState, session: _Session, *, progress: bool) -> None:
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
                _save(job, state, session)
            if stop:
                raise KeyboardInterrupt


def _end_epoch(job: _Job, state: TrainState, session: _Session, point: Progress) -> Row:
    assert point.terms is not None
    row = {"epoch": float(point.epoch)}
    row |= {f"train/{name}": value for name, value in point.terms.items()}
    row |= {f"validation/{name}": value for name, value in _validate(job, state).items()}
    session.history.append(row)
    curves = {name: value for name, value in row.items() if name != "epoch"}
    speed = {"images_per_second": point.images / session.clock.seconds}
    session.run.log_metrics(curves | speed, step=point.epoch)
    return row


def _validate(job: _Job, state: TrainState) -> Row:
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


def _save(job: _Job, state: TrainState, session: _Session) -> None:
    extra = {
        "identity": job.identity,
        "run": session.run.id,
        "history": session.history,
        "seconds": session.clock.seconds,
    }
    start = time.monotonic()
    save_state(state, job.checkpoint, extra)
    session.saved = time.monotonic()
    session.save_seconds = session.saved - start


def _finish(job: _Job, state: TrainState, session: _Session) -> str:
    """Write the bundle, the curves and the timing, and tell MLflow."""
    _save(job, state, session)
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


def _card(job: _Job) -> dict[str, object]:
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
