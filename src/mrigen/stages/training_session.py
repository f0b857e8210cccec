"""What a training keeps beside its weights, and the checkpoint from which it goes on."""

import logging
import time
from dataclasses import dataclass, field

from mrigen import __version__
from mrigen.errors import ModelError
from mrigen.models.build import build_network, count_parameters
from mrigen.stages.best_weights import BestWeights
from mrigen.stages.looks import start_looks
from mrigen.stages.provenance import dvc_hash, git_commit
from mrigen.stages.training_epochs import Course
from mrigen.stages.training_job import TrainingJob
from mrigen.tracking.run import Run
from mrigen.tracking.tracker import Tracker
from mrigen.training.checkpoint import load_state, read_extra, save_state
from mrigen.training.divergence import DivergenceError
from mrigen.training.hardware import EnergyMeter, find_counter
from mrigen.training.state import TrainState
from mrigen.training.timing import Stopwatch
from mrigen.training.watch import Watch

CHECKPOINT_SECONDS = 20.0
SAVE_SHARE = 20  # a save may cost a twentieth of the time

_log = logging.getLogger(__name__)


@dataclass(kw_only=True)
class TrainingSession(Course):
    """What belongs to one training beside its state.

    Attributes
    ----------
    run
        In MLflow.
    energy
        Joules of training, those before an interruption too.
    saved, save_seconds
        When the last checkpoint was written, and how long that took.
    saved_step
        Its step; None if there is none of this training.
    """

    run: Run
    energy: EnergyMeter = field(default_factory=lambda: EnergyMeter(None))
    saved: float = field(default_factory=time.monotonic)
    save_seconds: float = 0.0
    saved_step: int | None = None

    @property
    def save_is_due(self) -> bool:
        """Whether enough time has passed; large states are saved less often."""
        pause = max(CHECKPOINT_SECONDS, SAVE_SHARE * self.save_seconds)
        return time.monotonic() - self.saved > pause


def start_session(job: TrainingJob, tracker: Tracker) -> TrainingSession:
    """Begin a training: a new run in MLflow, tagged with what it depends on.

    Raises
    ------
    TrackingError
        If MLflow cannot be used.
    """
    trainable, total = count_weights(job)
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
    looks = start_looks(job)
    run = tracker.start_run(name=job.model, tags=tags, params=params)
    return TrainingSession(
        run=run,
        watch=Watch(job.config.training),
        best=BestWeights(job.checkpoint),
        looks=looks,
        energy=EnergyMeter(find_counter(job.runtime.device)),
    )


def count_weights(job: TrainingJob) -> tuple[int, int]:
    """Return how many weights are trained, and how many there are.

    Those that are counted are drawn first, which moves torch's default generator: the noise of a
    training begins behind them.
    """
    return count_parameters(build_network(job.config.network, job.store.size))


def resume_session(job: TrainingJob, state: TrainState, tracker: Tracker) -> TrainingSession | None:
    """Go on from the job's checkpoint, if there is one and it belongs to this job.

    Parameters
    ----------
    job
        What is trained.
    state
        Of step 0; brought to where the checkpoint was written.
    tracker
        Of the project's runs.

    Raises
    ------
    ModelError
        If the checkpoint is damaged.
    TrackingError
        If MLflow cannot be used.
    """
    if not job.checkpoint.exists():
        return None
    step, extra = read_extra(job.checkpoint)
    if extra["identity"] != job.identity:
        _log.warning(
            "The checkpoint of '%s' has other parameters, data or code: begun anew.", job.model
        )
        return None
    load_state(state, job.checkpoint)
    watch = Watch(job.config.training)
    watch.load(extra["watch"])
    run = tracker.resume_run(extra["run"]) or start_session(job, tracker).run
    _log.info("Going on with '%s' after step %d.", job.model, step)
    looks = start_looks(job)
    if looks is not None:
        looks.load(extra["looks"])
    best = BestWeights(job.checkpoint, watch.best_epoch if looks is None else looks.epoch)
    clock = Stopwatch(extra["seconds"])
    energy = EnergyMeter(find_counter(job.runtime.device), before=extra["joules"])
    return TrainingSession(
        run=run,
        watch=watch,
        best=best,
        looks=looks,
        history=extra["history"],
        clock=clock,
        energy=energy,
        saved_step=step,
    )


def save_session(job: TrainingJob, state: TrainState, session: TrainingSession) -> None:
    """Write the job's checkpoint, and note how long that took.

    Raises
    ------
    DivergenceError
        If a weight is not finite; the checkpoint before stays.
    """
    extra = {
        "identity": job.identity,
        "run": session.run.id,
        "history": session.history,
        "watch": session.watch.state(),
        "looks": None if session.looks is None else session.looks.state(),
        "seconds": session.clock.seconds,
        "joules": session.energy.so_far(),
    }
    start = time.monotonic()
    session.best.write()  # first, since the checkpoint names its epoch
    save_state(state, job.checkpoint, extra)
    session.best.forget_others()
    session.saved, session.saved_step = time.monotonic(), state.step
    session.save_seconds = session.saved - start


def diverged(job: TrainingJob, session: TrainingSession, error: DivergenceError) -> ModelError:
    """Say where a training diverged and what is left of it."""
    left = "no checkpoint had been written"
    if session.saved_step is not None:
        left = (
            f"the last good checkpoint, '{job.checkpoint}' of step {session.saved_step}, stays "
            "until then"
        )
    return ModelError(
        f"training of '{job.model}' diverged {error.finding}: expected finite numbers. Lower "
        f"'learning_rate' or set 'clip_norm' to 1, and train it anew; {left}."
    )
