"""What Optuna keeps of a trial is read as what became of it."""

from datetime import UTC, datetime

import pytest
from optuna.distributions import FloatDistribution
from optuna.trial import TrialState as OptunaState
from optuna.trial import create_trial

from mrigen.tuning.history import read_trials
from mrigen.tuning.records import TrialState

FAIL = OptunaState.FAIL


def trials_of(*descriptions):
    """Trials of Optuna, numbered in their order."""
    found = []
    for number, (state, attributes) in enumerate(descriptions):
        trial = create_trial(
            state=state,
            value=1.0 if state is OptunaState.COMPLETE else None,
            params={"rate": 0.5},
            distributions={"rate": FloatDistribution(0, 1)},
            user_attrs=attributes,
        )
        trial.number = number
        found.append(trial)
    return found


def ended(kind, reason="as the test says"):
    return {"end": {"as": kind, "reason": reason, "at": "2026-03-01T09:00:00.000+00:00"}}


@pytest.mark.parametrize(
    ("state", "attributes", "expected"),
    [
        (OptunaState.WAITING, {}, TrialState.WAITING),
        (OptunaState.RUNNING, {}, TrialState.RUNNING),
        (OptunaState.COMPLETE, ended("complete", None), TrialState.COMPLETE),
        (OptunaState.PRUNED, ended("pruned"), TrialState.PRUNED),
        (FAIL, ended("failed"), TrialState.FAILED),
        (FAIL, ended("lost"), TrialState.LOST),
        (FAIL, {}, TrialState.LOST),
        # Killed after their last word and before their end:
        (FAIL, ended("complete", None), TrialState.LOST),
        (FAIL, ended("pruned"), TrialState.LOST),
    ],
)
def test_states(state, attributes, expected):
    (trial,) = read_trials(trials_of((state, attributes)))

    assert trial.state is expected
    assert trial.values == ((1.0,) if expected is TrialState.COMPLETE else ())


def test_kills_are_counted_over_those_that_ran_the_same_again():
    trials = read_trials(
        trials_of(
            (FAIL, {}),
            (FAIL, {}),  # others
            (FAIL, {"retry_of": 0}),
            (FAIL, {"retry_of": 1}),
            (FAIL, {"retry_of": 2} | ended("lost")),
            (FAIL, {"retry_of": 4}),
            (OptunaState.WAITING, {"retry_of": 3}),
        )
    )

    assert [trial.state.value for trial in trials] == [*["lost"] * 5, "failed", "waiting"]
    assert trials[5].reason == "its worker was killed 3 times"
    assert trials[4].reason == "as the test says"
    assert trials[3].reason == "its worker was killed"


def test_times_have_zones_whoever_wrote_them():
    written = {"started": "2026-03-01T10:00:00.000+01:00"} | ended("complete")
    known, unknown = read_trials(
        trials_of((OptunaState.COMPLETE, written), (OptunaState.COMPLETE, {}))
    )

    assert known.started == known.ended == datetime(2026, 3, 1, 9, tzinfo=UTC)
    assert unknown.started.tzinfo is not None
    assert unknown.ended.tzinfo is not None


def test_a_trial_that_runs_has_not_ended():
    (trial,) = read_trials(trials_of((OptunaState.RUNNING, ended("complete"))))

    assert trial.ended is None
