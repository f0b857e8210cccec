"""The run of a trial in MLflow, below the run of its study."""

import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING

import torch

from mrigen import __version__
from mrigen.errors import TrackingError
from mrigen.stages.training_job import TrainingJob
from mrigen.stages.training_session import count_weights
from mrigen.tracking.run import Run, Status
from mrigen.tracking.tracker import Tracker
from mrigen.tuning.records import TrialRecord, TrialState

if TYPE_CHECKING:
    from mrigen.tuning.claims import ClaimedTrial

#: Studies have an experiment of their own, beside the trainings in `mrigen`.
EXPERIMENT = "mrigen-tuning"

#: Tags by which runs of trials are found: the study's run, which MLflow's page knows, too, and the
#: number of the trial.
PARENT, TRIAL = "mlflow.parentRunId", "mrigen.trial"

_ENDS: Mapping[TrialState, Status] = {
    TrialState.COMPLETE: "FINISHED",
    TrialState.PRUNED: "FINISHED",
    TrialState.FAILED: "FAILED",
    TrialState.LOST: "KILLED",
}

_STATE = "mrigen.trial_state"

_log = logging.getLogger(__name__)


def start_trial_run(
    tracker: Tracker, study_run: str, job: TrainingJob, claimed: "ClaimedTrial"
) -> Run:
    """Begin the run of a trial, below that of its study; torch's random state stays as it is.

    Parameters
    ----------
    tracker
        Of the project's runs.
    study_run
        Id of the study's run.
    job
        The training, with the trial's parameters in its section.
    claimed
        The trial.

    Raises
    ------
    TrackingError
        If the store refuses.
    """
    with torch.random.fork_rng():
        trainable, total = count_weights(job)
    tags = {
        PARENT: study_run,
        TRIAL: str(claimed.number),
        _STATE: TrialState.RUNNING.value,
        "mrigen.model": job.model,
        "mrigen.dataset": job.config.dataset,
        "mrigen.data": job.store.fingerprint,
        "mrigen.version": __version__,
        "mrigen.device": job.runtime.device_name,
        "mrigen.precision": job.runtime.precision,
        "mrigen.baseline": str(claimed.baseline).lower(),
    }
    if claimed.retry_of is not None:
        tags["mrigen.retry_of"] = str(claimed.retry_of)
    sizes = {"parameters": {"trainable": trainable, "total": total}}
    # Searched paths into lists, such as `training.betas.0`, are no names of the section's own.
    params = {**claimed.params, "dataset": job.config.dataset, **job.section, **sizes}
    name = f"{job.model} trial {claimed.number}"
    return tracker.start_run(name=name, tags=tags, params=params, experiment=EXPERIMENT)


def log_scores(run: Run, scores: Mapping[str, float], epoch: int) -> None:
    """Note what was measured on validation subjects after an epoch, beside the loss."""
    run.log_metrics({f"validation/{name}": value for name, value in scores.items()}, step=epoch)


def end_trial_run(run: Run, record: TrialRecord) -> None:
    """Write how a trial ended into its run, and end that.

    Only a trial that was trained to its end has the metric `score`, so that runs can be put in
    order by it. The study has the result already: if MLflow refuses, a warning says so.

    Parameters
    ----------
    run
        Of the trial.
    record
        The trial, ended.
    """
    tags = {_STATE: record.state.value}
    if record.reason:
        tags["mrigen.reason"] = record.reason
    try:
        run.log_metrics(_costs(record), step=max(record.looks, default=0))
        run.set_tags(tags)
        run.close(_ENDS.get(record.state, "KILLED"))
    except TrackingError as error:
        _log.warning("%s The study itself has the result of trial %d.", error, record.number)


def _costs(record: TrialRecord) -> dict[str, float]:
    numbers = {
        "score": record.values[0] if record.values else None,
        "seconds": record.seconds,
        "score_seconds": record.score_seconds,
    }
    return {name: value for name, value in numbers.items() if value is not None}
