"""How long a study will take, by the trials that have ended."""

from datetime import datetime

from mrigen.tuning.records import StudyRecord, TrialRecord, TrialState


def seconds_left(record: StudyRecord, total: int, workers: int, now: datetime) -> float | None:
    """Estimate from the trials that ended how long the others take; None before the first.

    Parameters
    ----------
    record
        With the trials of all hosts.
    total
        Trials asked for.
    workers
        Processes of this command; where more trials run, as many work on it.
    now
        The present time.
    """
    took = [
        (trial.ended - trial.started).total_seconds()
        for trial in record.ended
        if trial.started is not None and trial.ended is not None
    ]
    if not took:
        return None
    mean = sum(took) / len(took)
    running = [
        max(mean - running_seconds(trial, now), 0.0)
        for trial in record.trials
        if trial.state is TrialState.RUNNING
    ]
    waiting = max(total - len(took) - len(running), 0)
    work = waiting * mean + sum(running)
    return max(work / max(workers, len(running), 1), *running, 0.0)


def running_seconds(trial: TrialRecord, now: datetime) -> float:
    """Return for how long a trial has been running."""
    return 0.0 if trial.started is None else max((now - trial.started).total_seconds(), 0.0)
