"""The trials of an Optuna study as records."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from optuna.trial import FrozenTrial
from optuna.trial import TrialState as OptunaState

from mrigen.tuning.records import TrialRecord, TrialState

#: So often a worker may be killed over the same parameters before they are held to be the cause.
KILLS = 3

_STATES = {
    OptunaState.WAITING: TrialState.WAITING,
    OptunaState.RUNNING: TrialState.RUNNING,
    OptunaState.COMPLETE: TrialState.COMPLETE,
    OptunaState.PRUNED: TrialState.PRUNED,
}


def read_trials(trials: Sequence[FrozenTrial]) -> tuple[TrialRecord, ...]:
    """Return the records of all trials of one study, in the order of their numbers.

    Optuna has one state for what failed and for what was lost. A trial has failed if its worker
    said so before it ended, or if its parameters have cost `KILLS` workers their lives; any other
    was lost.
    """
    kills: dict[int, int] = {}
    records = []
    for trial in trials:
        # A retry has a greater number than what it runs again.
        before = kills.get(trial.user_attrs.get("retry_of", -1), 0)
        kills[trial.number] = before + _was_killed(trial)
        records.append(_record(trial, kills[trial.number]))
    return tuple(records)


def _was_killed(trial: FrozenTrial) -> bool:
    # The worker's word comes before the state; whoever is killed between them had ended already.
    return trial.state is OptunaState.FAIL and _end(trial).get("as") not in {"failed", "lost"}


def _end(trial: FrozenTrial) -> Mapping[str, Any]:
    end: Mapping[str, Any] = trial.user_attrs.get("end", {})
    return end


def _record(trial: FrozenTrial, kills: int) -> TrialRecord:
    attributes = trial.user_attrs
    state, reason = _state(trial, kills)
    complete = state is TrialState.COMPLETE
    return TrialRecord(
        number=trial.number,
        state=state,
        params=dict(trial.params),
        values=tuple(trial.values) if complete else (),
        looks=_looks(trial),
        reason=reason,
        seconds=attributes.get("seconds"),
        score_seconds=attributes.get("score_seconds"),
        device=attributes.get("device"),
        worker=attributes.get("worker"),
        run=attributes.get("run"),
        baseline=attributes.get("baseline", False),
        retry_of=attributes.get("retry_of"),
        started=_time(attributes.get("started"), trial.datetime_start),
        ended=_time(_end(trial).get("at"), trial.datetime_complete)
        if trial.state.is_finished()
        else None,
    )


def _state(trial: FrozenTrial, kills: int) -> tuple[TrialState, str | None]:
    if trial.state is not OptunaState.FAIL:
        return _STATES[trial.state], _end(trial).get("reason")
    if _was_killed(trial):
        if kills >= KILLS:
            return TrialState.FAILED, f"its worker was killed {kills} times"
        return TrialState.LOST, "its worker was killed"
    return TrialState(_end(trial)["as"]), _end(trial)["reason"]


def _looks(trial: FrozenTrial) -> dict[int, float]:
    # Optuna keeps none in studies of several objectives.
    kept = trial.user_attrs.get("looks", {})
    looks = trial.intermediate_values | {int(epoch): score for epoch, score in kept.items()}
    return dict(sorted(looks.items()))


def _time(written: str | None, local: datetime | None) -> datetime | None:
    # Optuna's times have no zone, and are those of the host that wrote them.
    if written is not None:
        return datetime.fromisoformat(written)
    return None if local is None else local.astimezone()
