"""The run of a study in MLflow, and what becomes of the runs of its trials."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING

from mrigen import __version__
from mrigen.errors import TrackingError
from mrigen.project import Project
from mrigen.stages.provenance import dvc_hash, git_commit
from mrigen.stages.tuning.trial_run import EXPERIMENT, PARENT, TRIAL, end_trial_run
from mrigen.tracking.run import Run, Status
from mrigen.tracking.tracker import Tracker
from mrigen.tuning.records import StudyRecord, TrialState
from mrigen.tuning.wording import in_short

if TYPE_CHECKING:
    from mrigen.tuning.shared_study import SharedStudy

_log = logging.getLogger(__name__)

_STUDY = "mrigen.study"
_DESCRIPTION = "mlflow.note.content"  # what MLflow's page shows above a run


def open_study_run(tracker: Tracker, study: "SharedStudy", project: Project) -> str:
    """Return the id of the study's run, which goes on if this store has it.

    Call it while no other process can, so that a study has one run.

    Parameters
    ----------
    tracker
        Of the project's runs.
    study
        Learns the id of a new run.
    project
        Whose git commit and data the run is tagged with.

    Raises
    ------
    TrackingError
        If the store refuses.
    """
    plan = study.plan
    known = {
        "mrigen.model": plan.model,
        "mrigen.dataset": plan.dataset,
        "mrigen.data": plan.data,
        "mrigen.version": __version__,
        "dvc.data": dvc_hash(project.root) or "unknown",
        "mlflow.source.git.commit": git_commit(project.root) or "unknown",
    }
    run = _find_study_run(tracker, plan.name, study.run)
    if run is not None:
        run.set_tags(known)
        return run.id
    params = {
        "dataset": plan.dataset,
        "objectives": plan.objectives,
        "search": plan.search.model_dump(mode="json", by_alias=True, exclude_none=True),
        **project.model_config(plan.model).trained,
    }
    run = tracker.start_run(
        name=plan.name, tags={_STUDY: plan.name, **known}, params=params, experiment=EXPERIMENT
    )
    if study.run is None:
        study.run = run.id
    return run.id


@contextmanager
def ended_if_interrupted(tracker: Tracker, study: "SharedStudy", run: str) -> Iterator[None]:
    """End the study's run where Ctrl-C comes before the block has done so.

    Parameters
    ----------
    tracker
        Of the project's runs.
    study
        Whose run stays open while a trial is running, which another process does.
    run
        Id of the study's run in this store.
    """
    try:
        yield
    except KeyboardInterrupt:
        try:
            if not _is_running(study.record()) and (found := tracker.resume_run(run)) is not None:
                found.close("KILLED")
        except TrackingError as error:
            _log.warning("%s", error)
        raise


def close_lost_runs(tracker: Tracker, record: StudyRecord, *, run: str) -> None:
    """End the runs of trials that have ended, but whose process could not say so any more.

    Parameters
    ----------
    tracker
        Of the project's runs.
    record
        The study.
    run
        Id of the study's run in this store.

    Raises
    ------
    TrackingError
        If the store refuses.
    """
    trials = {str(trial.number): trial for trial in record.trials}
    for child in tracker.find_open_runs({PARENT: run}, experiment=EXPERIMENT):
        trial = trials.get(child.tags.get(TRIAL, ""))
        if trial is not None and not trial.state.is_open:
            end_trial_run(child, trial)


def log_study(
    tracker: Tracker,
    record: StudyRecord,
    folder: Path | None = None,
    *,
    run: str,
    status: Status = "FINISHED",
) -> None:
    """Write how a study stands into its run: its best score over trials, counts, and its report.

    Parameters
    ----------
    tracker
        Of the project's runs.
    record
        The study.
    folder
        What `write_report` has written; None leaves the files as they are, and the run open.
    run
        Id of the study's run in this store.
    status
        How the run ends. It stays open while a trial is running, which another process does.

    Raises
    ------
    TrackingError
        If the store refuses.
    """
    found = _find_study_run(tracker, record.name, run)
    if found is None:
        return
    for step, metrics in _progress(record):
        found.log_metrics(metrics, step=step)
    tags = {_DESCRIPTION: "\n\n".join(in_short(record))}
    if record.best is not None:
        tags["mrigen.best_trial"] = str(record.best.number)
        tags["mrigen.best_run"] = record.best.run or ""
    found.set_tags(tags)
    if folder is None:
        found.flush()
        return
    found.log_artifact(folder)
    if _is_running(record):
        found.flush()
    else:
        found.close(status)


def _is_running(record: StudyRecord) -> bool:
    return any(trial.state is TrialState.RUNNING for trial in record.trials)


def _find_study_run(tracker: Tracker, name: str, known: str | None) -> Run | None:
    """Return the study's run: the one it knows, or one of its name in another host's store."""
    if known is None:
        return None  # a new study, though an older one may have had its name
    run = tracker.resume_run(known)
    if run is None:
        found = tracker.find_run({_STUDY: name}, experiment=EXPERIMENT)
        run = tracker.resume_run(found.id) if found is not None else None
    return run


def _progress(record: StudyRecord) -> Iterator[tuple[int, dict[str, float]]]:
    """Yield best score and counts after each trial that counts, in the order of their ends."""
    ended = [
        (trial.ended, trial.number, trial) for trial in record.ended if trial.ended is not None
    ]
    counts = dict.fromkeys((TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAILED), 0)
    best: float | None = None
    for step, (_, _, trial) in enumerate(sorted(ended, key=itemgetter(0, 1)), start=1):
        counts[trial.state] += 1
        if trial.values:
            best = trial.values[0] if best is None else min(best, trial.values[0])
        metrics = {f"trials_{state.value}": float(count) for state, count in counts.items()}
        yield step, metrics | ({} if best is None else {"best_score": best})
