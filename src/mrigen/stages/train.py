"""Train a model: from a slice store to a bundle, with every run in MLflow."""

from mrigen.data.loader import VALIDATION
from mrigen.data.store.slice_store import SliceStore
from mrigen.objectives.build import build_objective
from mrigen.project import Project
from mrigen.seeds import torch_seed
from mrigen.stages.interrupts import held_interrupts
from mrigen.stages.progress import TrainingBar
from mrigen.stages.training_job import TrainingJob
from mrigen.stages.training_result import write_result
from mrigen.stages.training_session import (
    Row,
    TrainingSession,
    diverged,
    resume_session,
    save_session,
    start_session,
)
from mrigen.tracking.tracker import connect
from mrigen.training.divergence import DivergenceError
from mrigen.training.loop import Progress, fit, validate
from mrigen.training.runtime import Runtime, choose_runtime
from mrigen.training.schedule import Span, running
from mrigen.training.state import TrainState


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
        training diverges, which leaves the last good checkpoint.
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
        with session.run, session.energy:
            try:
                if not session.watch.stopped:
                    _fit(job, state, session, progress=progress)
                save_session(job, state, session)
            except DivergenceError as error:
                raise diverged(job, session, error) from None
            digest = write_result(job, state, session)
        job.checkpoint.unlink(missing_ok=True)
        session.best.forget()
    return digest


def _fit(job: TrainingJob, state: TrainState, session: TrainingSession, *, progress: bool) -> None:
    training = job.config.training
    steps = job.steps_per_epoch()
    loop = fit(
        state,
        job.training_batches(state.step),
        training,
        steps_per_epoch=steps,
        runtime=job.runtime,
    )
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
            if session.watch.stopped:
                break


def _end_epoch(
    job: TrainingJob, state: TrainState, session: TrainingSession, point: Progress
) -> Row:
    """Validate, log, and let the validation loss decide what it is to decide."""
    assert point.terms is not None
    row = {"epoch": float(point.epoch)}
    row |= {f"train/{name}": value for name, value in point.terms.items()}
    row |= {f"validation/{name}": value for name, value in _validate(job, state).items()}
    session.history.append(row)
    curves = {name: value for name, value in row.items() if name != "epoch"}
    speed = {"images_per_second": point.images / session.clock.seconds}
    session.run.log_metrics(curves | _rates(state) | speed, step=point.epoch)
    training, watch = job.config.training, session.watch
    if training.watches_validation:
        watch.note(row["validation/loss"], point.epoch)
        state.rate_scale = watch.rate_scale
        if training.keep == "best" and watch.best_epoch == point.epoch:
            session.best.take(state.final_network, point.epoch)
    return row


def _rates(state: TrainState) -> Row:
    rates = {name: float(each.param_groups[0]["lr"]) for name, each in state.optimizers.items()}
    if len(rates) == 1:
        return {"learning_rate": next(iter(rates.values()))}
    return {f"{name}_learning_rate": rate for name, rate in rates.items()}


def _validate(job: TrainingJob, state: TrainState) -> Row:
    if not len(job.store.positions(VALIDATION)):
        return {}
    training = job.config.training
    objective = build_objective(job.config.objective, state.final_network)
    steps = job.steps_per_epoch()
    # A phase that did not run in this epoch has no curve in it.
    epoch = Span(state.step - steps, state.step)
    phases = running(objective.phases, training.epochs * steps, epoch)
    seed = torch_seed(training.seed, "validate")
    return validate(
        objective, job.validation_batches(), seed=seed, runtime=job.runtime, phases=phases
    )
