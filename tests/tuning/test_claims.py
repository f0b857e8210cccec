"""What a worker says of its trial is what everybody reads of it."""

import logging
import math
import warnings
from datetime import UTC, datetime

import optuna
import pytest

from mrigen.tuning.records import TrialState
from mrigen.tuning.storage import open_storage
from mrigen.tuning.study import load_study, open_study
from small_searches import FINITE, WIDE, plan, score


@pytest.fixture(scope="module", autouse=True)
def _without_waiting_for_the_disk():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("os.fsync", lambda _: None)
        yield


@pytest.fixture
def storage(tmp_path):
    return open_storage(tmp_path, None)


@pytest.fixture
def worker(storage):
    with storage.worker() as worker:
        yield worker


def claim(storage, worker, parameters=WIDE, *, total=100, **others):
    study = open_study(storage, plan(parameters, **others))
    return study, study.claim(worker, total=total)


def last(study):
    return study.record().trials[-1]


def test_a_running_trial_is_on_record(storage, worker):
    before = datetime.now(UTC).replace(microsecond=0)
    study, claimed = claim(storage, worker)

    trial = last(study)

    assert (trial.number, trial.params, trial.state) == (0, claimed.params, TrialState.RUNNING)
    assert trial.worker == worker
    assert before <= trial.started <= datetime.now(UTC)
    assert trial.ended is None


def test_a_complete_trial_is_on_record(storage, worker):
    study, claimed = claim(storage, worker)
    claimed.note(device="cpu", run="abc", seconds=4.5, score_seconds=0.5)
    claimed.look(9.0, 5)
    claimed.complete([7.5])

    trial = last(study)

    assert (trial.state, trial.values, trial.reason) == (TrialState.COMPLETE, (7.5,), None)
    assert (trial.device, trial.run, trial.seconds, trial.score_seconds) == ("cpu", "abc", 4.5, 0.5)
    assert trial.looks == {5: 9.0}
    assert trial.started <= trial.ended <= datetime.now(UTC)


@pytest.mark.parametrize(
    ("end", "state"),
    [
        ("prune", TrialState.PRUNED),
        ("fail", TrialState.FAILED),
        ("give_back", TrialState.LOST),
    ],
)
def test_trials_that_end_otherwise_have_a_reason_and_no_values(storage, worker, end, state):
    study, claimed = claim(storage, worker)
    claimed.look(9.0, 5)
    getattr(claimed, end)("as the test says")

    trial = last(study)

    assert (trial.state, trial.reason, trial.values) == (state, "as the test says", ())
    assert trial.ended is not None


def test_a_reason_of_many_pages_is_cut(storage, worker):
    study, claimed = claim(storage, worker)
    claimed.fail("the compiler says:\n" + "  no\n" * 1000)

    reason = last(study).reason

    assert reason.startswith("the compiler says: no no no")
    assert len(reason) == 1000


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_score_that_is_no_number_is_a_failure(storage, worker, value):
    study, claimed = claim(storage, worker, objectives=("dssim", "seconds"))
    claimed.complete([value, 3.0])

    trial = last(study)

    assert trial.state is TrialState.FAILED
    assert trial.reason == f"its score is not a finite number ({value:g}, 3)"


def test_two_objectives_are_kept_in_their_order(storage, worker):
    study, claimed = claim(storage, worker, objectives=("dssim", "seconds"))
    assert not claimed.look(0.4, 5)
    assert not claimed.look(math.nan, 15)
    claimed.complete([0.2, 31.0])

    trial = last(study)

    assert trial.values == (0.2, 31.0)
    assert trial.looks == {5: 0.4}


def test_a_lagging_trial_is_given_up_at_the_first_look_or_later(storage, worker):
    study, _ = claim(storage, worker, pruning={"first_epoch": 5})
    ends = {}
    for number in range(1, 21):
        claimed = study.claim(worker, total=100)
        for epoch in (5, 15, 40):
            if claimed.look(float(number), epoch):
                claimed.prune("behind the others")
                break
        else:
            claimed.complete([float(number)])
        ends[number] = max(last(study).looks)

    assert ends[1] == 40  # the best of all
    assert {5, 40} <= set(ends.values())  # Hyperband spares the trials of one bracket
    assert list(ends.values()).count(5) >= 5


def test_the_end_of_a_training_is_no_time_to_give_it_up(storage, worker):
    study, claimed = claim(storage, worker, pruning={"first_epoch": 1})
    for number in range(12):
        for epoch in (1, 3, 9, 27):
            claimed.look(float(number), epoch)
        assert not claimed.look(float(number), 40)
        claimed.complete([float(number)])
        claimed = study.claim(worker, total=100)


@pytest.mark.parametrize("bad", [1e9, math.nan])
def test_the_baseline_is_never_given_up_and_others_are(storage, worker, bad):
    base = {"network.depth": 4, "network.sampling.name": "prior"}
    # One rung for all: a bracket of its own for nobody.
    pruning = {"first_epoch": 10, "reduction": 10}
    study, baseline = claim(storage, worker, FINITE, baseline=base, pruning=pruning)
    others = [study.claim(worker, total=9) for _ in range(8)]
    for claimed in others:
        claimed.look(1.0, 10)

    assert baseline.baseline
    assert not baseline.look(bad, 10)
    assert any(claimed.look(bad, 10) for claimed in [study.claim(worker, total=10)])


def test_a_retry_has_the_parameters_of_the_lost_trial(storage, worker):
    study, claimed = claim(storage, worker)
    other = study.claim(worker, total=100)
    claimed.give_back("interrupted")

    again = study.claim(worker, total=100)

    assert (again.retry_of, again.params) == (claimed.number, claimed.params)
    assert other.params != again.params


def test_a_lost_baseline_comes_again_as_the_baseline(storage, worker):
    base = {"network.depth": 4, "network.sampling.name": "prior"}
    study, claimed = claim(storage, worker, FINITE, baseline=base)
    claimed.give_back("interrupted")

    again = study.claim(worker, total=100)

    assert (again.baseline, again.params) == (True, base)
    again.complete([3.0])
    assert study.record().baseline.number == again.number


def test_a_killed_worker_is_the_reason(storage):
    study = open_study(storage, plan())
    with storage.worker() as killed:
        claimed = study.claim(killed, total=2)
    study.tidy()

    lost, again = study.record().trials

    assert (lost.state, lost.reason) == (TrialState.LOST, "its worker was killed")
    assert (again.state, again.retry_of) == (TrialState.WAITING, claimed.number)
    assert again.params == lost.params


def test_parameters_that_kill_three_workers_have_failed(storage, worker):
    study = open_study(storage, plan())
    numbers = []
    for _ in range(3):
        with storage.worker() as killed:
            numbers.append(study.claim(killed, total=2).number)
        if len(numbers) == 1:  # interruptions are nobody's fault
            study.claim(worker, total=2).give_back("interrupted")
    study.tidy()

    trials = study.record().trials

    assert [trial.state.value for trial in trials] == ["lost", "lost", "lost", "failed"]
    assert trials[-1].reason == "its worker was killed 3 times"
    assert len(study.record().counted) == 1
    assert study.claim(worker, total=2).params != trials[0].params


def test_whoever_was_taken_for_dead_is_told_so_and_counts_no_more(storage, worker, caplog):
    study = open_study(storage, plan())
    with storage.worker() as still:
        claimed = study.claim(still, total=1)
    again = study.claim(worker, total=1)
    assert again.retry_of == claimed.number

    with caplog.at_level(logging.WARNING, logger="mrigen"):
        assert claimed.look(0.1, 5)
        claimed.note(seconds=3.0)
        claimed.complete([0.1])
    again.complete([7.0])

    assert claimed.lost
    assert caplog.text.count("was taken for dead") == 1
    assert [trial.values for trial in study.record().counted] == [(7.0,)]
    assert study.record().trials[0].looks == {}


@pytest.mark.parametrize("end", ["complete", "prune", "fail", "give_back"])
def test_losing_a_trial_between_its_last_word_and_its_end(storage, worker, end, monkeypatch):
    study, claimed = claim(storage, worker)
    note = claimed.note

    def and_then_be_lost(**attributes):
        note(**attributes)
        study.optuna.tell(claimed.number, state=optuna.trial.TrialState.FAIL)

    monkeypatch.setattr(claimed, "note", and_then_be_lost)
    getattr(claimed, end)([1.0] if end == "complete" else "as the test says")

    # A worker that had said why it ends is believed.
    state = TrialState.FAILED if end == "fail" else TrialState.LOST
    assert last(study).state is state
    assert claimed.lost is (end in {"complete", "prune"})


def test_a_trial_enqueued_by_hand_is_run_with_what_it_lacks(storage, worker):
    study = open_study(storage, plan())
    study.optuna.enqueue_trial({"network.depth": 5, "network.sampling.name": "prior"})

    claimed = study.claim(worker, total=1)

    assert claimed.params["network.depth"] == 5
    assert set(claimed.params) == {
        "network.depth", "network.sampling.name", "training.learning_rate",
    }  # fmt: skip
    claimed.complete([score(claimed.params)])
    assert study.claim(worker, total=2).params != claimed.params


@pytest.mark.filterwarnings("ignore:Fixed parameter:UserWarning")  # Optuna's own, of the first
@pytest.mark.parametrize("params", [{"training.learning_rate": 7.0}, {"network.depth": 17}])
def test_a_trial_enqueued_by_hand_outside_the_space_fails_alone(storage, worker, params):
    study = open_study(storage, plan())
    for _ in range(2):
        study.optuna.enqueue_trial(params | {"network.sampling.name": "prior"})

    for _ in range(6):
        study.claim(worker, total=8).complete([1.0])

    states = [trial.state for trial in study.record().trials]
    assert states == [TrialState.FAILED] * 2 + [TrialState.COMPLETE] * 6
    assert "outside the space" in study.record().trials[0].reason
    assert study.claim(worker, total=8) is None


def test_such_a_trial_lost_while_it_was_begun_stops_nobody(storage, worker):
    study = open_study(storage, plan())
    study.optuna.enqueue_trial({"training.learning_rate": 7.0})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        study.optuna.ask().suggest_float("training.learning_rate", 1e-4, 1e-2, log=True)

    study.claim(worker, total=1).complete([1.0])

    assert [trial.state for trial in study.record().trials] == [
        TrialState.LOST, TrialState.COMPLETE,
    ]  # fmt: skip


def test_records_of_another_process_are_the_same(storage, worker, tmp_path):
    study, claimed = claim(storage, worker)
    claimed.complete([4.0])
    study.claim(worker, total=5).fail("out of memory")

    assert load_study(open_storage(tmp_path, None), "vae").record() == study.record()


def test_claims_warn_of_nothing(storage, worker):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        claim(storage, worker)
