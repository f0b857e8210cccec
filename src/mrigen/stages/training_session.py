"""What a training keeps beside its weights, and the checkpoint from which it goes on."""

import logging
import time
from dataclasses import dataclass, field

from mrigen import __version__
from mrigen.models.build import build_network, count_parameters
from mrigen.stages.provenance import dvc_hash, git_commit
from mrigen.stages.training_job import TrainingJob
from mrigen.tracking.run import Run
from mrigen.tracking.tracker import Tracker
from mrigen.training.state import TrainState, load_state, read_extra, save_state
from mrigen.training.timing import Stopwatch

CHECKPOINT_SECONDS = 20.0
SAVE_SHARE = 20  # a save may cost a twentieth of the time

Row = dict[str, float]

_log = logging.getLogger(__name__)


@dataclass
class TrainingSession:
    """What belongs to one training beside its state.

    Attributes
    ----------
    run
        In MLflow.
    history
        The curves: a row per epoch.
    clock
        Seconds of training, those before an interruption too.
    saved, save_seconds
        When the last checkpoint was written, and how long that took.
    """

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


def start_session(job: TrainingJob, tracker: Tracker) -> TrainingSession:
    """Begin a training: a new run in MLflow, tagged with what it depends on.

    Raises
    ------
    TrackingError
        If MLflow cannot be used.
    """
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
    return TrainingSession(tracker.start_run(name=job.model, tags=tags, params=params))


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
    extra = read_extra(job.checkpoint)
    if extra["identity"] != job.identity:
        _log.warning(
            "The checkpoint of '%s' has other parameters, data or code: begun anew.", job.model
        )
        return None
    load_state(state, job.checkpoint)
    run = tracker.resume_run(extra["run"]) or start_session(job, tracker).run
    _log.info("Going on with '%s' after step %d.", job.model, state.step)
    return TrainingSession(run, extra["history"], Stopwatch(extra["seconds"]))


def save_session(job: TrainingJob, state: TrainState, session: TrainingSession) -> None:
    """Write the job's checkpoint, and note how long that took."""
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
