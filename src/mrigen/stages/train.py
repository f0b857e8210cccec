"""Train a model: from a slice store to a bundle, with every run in MLflow."""

from mrigen.data.store.slice_store import SliceStore
from mrigen.project import Project
from mrigen.stages.interrupts import held_interrupts
from mrigen.stages.progress import TrainingBar
from mrigen.stages.training_epochs import Row, end_epoch, epoch_metrics
from mrigen.stages.training_job import TrainingJob
from mrigen.stages.training_result import write_result
from mrigen.stages.training_session import (
    TrainingSession,
    diverged,
    resume_session,
    save_session,
    start_session,
)
from mrigen.tracking.tracker import connect
from mrigen.training.divergence import DivergenceError
from mrigen.training.loop import Progress, fit
from mrigen.training.runtime import Runtime, choose_runtime
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
    row = end_epoch(job, state, session, point)
    session.run.log_metrics(epoch_metrics(row, state, session, point), step=point.epoch)
    return row
