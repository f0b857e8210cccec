"""Exactly as many trials count as were asked for, whoever dies when, and none is run twice."""

from contextlib import ExitStack
from itertools import count

import pytest
from hypothesis import given as for_all
from hypothesis import settings
from hypothesis import strategies as st
from optuna.storages.journal import JournalFileBackend

from mrigen.errors import ConnectionLostError, TuningError
from mrigen.tuning.proposals import given, propose
from mrigen.tuning.records import TrialState
from mrigen.tuning.storage import open_storage
from mrigen.tuning.study import load_study, open_study
from small_searches import CHOICES, FINITE, WIDE, plan, run_twenty, score
from storage_process import run_at_once

BASELINE = {"network.depth": 4, "network.sampling.name": "prior"}
DONE = {TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAILED, TrialState.LOST}


@pytest.fixture(scope="module", autouse=True)
def _without_waiting_for_the_disk():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("os.fsync", lambda _: None)
        yield


class KilledError(BaseException):
    """Stands for a signal that nobody catches."""


class Worker:
    """A process at work on the study in a folder, with a storage of its own."""

    def __init__(self, root, study_plan, address=None):
        self.alive = ExitStack()
        storage = open_storage(root, address)
        self.study = open_study(storage, study_plan)
        self.name = self.alive.enter_context(storage.worker())
        self.claimed = None

    def claim(self, total):
        if self.claimed is None:
            self.claimed = self.study.claim(self.name, total=total)
        return self.claimed is not None

    def end(self, how):
        if self.claimed is not None:
            values = [score(self.claimed.params)]
            getattr(self.claimed, how)(values if how == "complete" else "as the test says")
            self.claimed = None

    def kill(self):
        self.alive.close()
        self.claimed = None


def check(record, total):
    """Assert what holds at every moment."""
    space = plan(FINITE).search
    assert len(record.counted) <= total
    keys = [given(space, trial.params).key for trial in record.counted]
    assert len(keys) == len(set(keys))
    assert sum(trial.baseline for trial in record.counted) <= 1
    retried = [trial.retry_of for trial in record.trials if trial.retry_of is not None]
    assert len(retried) == len(set(retried))
    for trial in record.trials:
        if trial.retry_of is not None:
            lost = record.trials[trial.retry_of]
            assert (lost.params, lost.baseline) == (trial.params, trial.baseline)
            assert lost.state is TrialState.LOST


def check_done(record, total):
    """Assert what holds when every worker has found nothing left to do."""
    check(record, total)
    assert len(record.counted) == total
    assert {trial.state for trial in record.trials} <= DONE
    retried = {trial.retry_of for trial in record.trials}
    assert all(trial.number in retried for trial in record.trials if trial.state is TrialState.LOST)
    assert record.trials[0].params == BASELINE
    assert sum(trial.baseline for trial in record.counted) == 1


ACTIONS = st.sampled_from(
    ["claim", "claim", "claim", "complete", "prune", "fail", "give_back", "kill", "tidy"]
)


# Few, some, and more than there are.
TOTALS = st.sampled_from([1, 2, 3, 5, CHOICES + 2])


@for_all(TOTALS, st.lists(st.tuples(st.integers(0, 2), ACTIONS), max_size=30))
@settings(max_examples=20, deadline=None)
def test_whatever_three_workers_do_exactly_the_trials_asked_for_count(
    tmp_path_factory, total, actions
):
    root, study_plan = tmp_path_factory.mktemp("study"), plan(FINITE, baseline=BASELINE)
    workers = [Worker(root, study_plan) for _ in range(3)]
    for number, action in actions:
        worker = workers[number]
        if action == "claim":
            worker.claim(total)
        elif action == "kill":
            worker.kill()
            workers[number] = Worker(root, study_plan)
        elif action == "tidy":
            worker.study.tidy()
        else:
            worker.end(action)
        check(worker.study.record(), total)
    for worker in workers:
        worker.end("complete")
        while worker.claim(total):
            worker.end("complete")
        worker.kill()

    check_done(load_study(open_storage(root, None), "vae").record(), min(total, CHOICES))


def work(root, total, pruned=()):
    """Run one worker's whole life."""
    worker = Worker(root, plan(FINITE, baseline=BASELINE, pruning={"first_epoch": 5}))
    try:
        while worker.claim(total):
            worker.claimed.note(device="cpu")
            gives_up = worker.claimed.look(score(worker.claimed.params), 5)
            worker.end("prune" if gives_up else "complete")
    finally:
        worker.kill()


def test_a_worker_may_be_killed_before_any_of_its_writes(tmp_path, monkeypatch):
    plain = JournalFileBackend.append_logs
    kills = count()
    while True:
        root = tmp_path / str(next(kills))
        left = iter(range(int(root.name)))

        def write_or_die(backend, logs, left=left):
            if next(left, None) is None:
                raise KilledError
            plain(backend, logs)

        with monkeypatch.context() as patch:
            patch.setattr(JournalFileBackend, "append_logs", write_or_die)
            try:
                work(root, 2)
                break
            except KilledError:
                pass
        work(root, 2)
        check_done(open_study(open_storage(root, None), plan(FINITE)).record(), 2)
    assert int(root.name) > 15  # so many writes are in two trials


@pytest.mark.parametrize("done", [False, True])
def test_a_connection_may_be_lost_at_any_write_of_a_claim(tmp_path, monkeypatch, done):
    """Whether the write was done or not, before its answer could come."""
    plain = JournalFileBackend.append_logs
    for number in range(12):
        root, left = tmp_path / str(number), iter(range(number))

        once = iter([True])

        def write_or_be_cut_off(backend, logs, left=left, once=once):
            cut_off = next(left, None) is None and next(once, None) is not None
            if done or not cut_off:
                plain(backend, logs)
            if cut_off:
                raise ConnectionLostError("lost")

        with monkeypatch.context() as patch:
            patch.setattr(JournalFileBackend, "append_logs", write_or_be_cut_off)
            worker = Worker(root, plan(FINITE, baseline=BASELINE))
            while worker.claim(2):
                patch.undo()  # the trial itself is another matter
                worker.end("complete")
        worker.kill()
        record = worker.study.record()
        check_done(record, 2)
        assert {trial.reason for trial in record.trials} <= {
            None, "its worker was killed", "the connection to the study's storage was lost",
        }  # fmt: skip


def test_a_study_of_interrupted_workers_proposes_what_an_undisturbed_one_does(tmp_path):
    def tried(root, interrupted):
        study = open_study(open_storage(root, None), plan(WIDE))
        for number in range(12):
            with study.storage.worker() as worker:
                claimed = study.claim(worker, total=8)
                if claimed is None:
                    break
                if number in interrupted:
                    continue
                claimed.complete([score(claimed.params)])
        return {tuple(trial.params.items()): trial.values for trial in study.record().counted}

    assert tried(tmp_path / "calm", ()) == tried(tmp_path / "busy", (0, 3, 4, 7))


def test_more_trials_can_be_asked_for_and_fewer_change_nothing(tmp_path):
    for total, counted in [(2, 2), (5, 5), (3, 5), (5, 5)]:
        work(tmp_path, total)
        assert len(load_study(open_storage(tmp_path, None), "vae").record().counted) == counted


def test_a_lost_trial_is_not_run_again_when_enough_others_are_there(tmp_path):
    worker = Worker(tmp_path, plan(FINITE))
    worker.claim(3)
    worker.end("give_back")
    other = Worker(tmp_path, plan(FINITE))
    other.study.tidy()

    assert worker.study.left(1) == 1
    while other.claim(3):
        other.end("complete")
    assert other.study.left(3) == 0
    assert other.study.left(5) == 2
    assert not other.claim(2)


def test_a_used_up_space_is_told_to_all(tmp_path):
    work(tmp_path, CHOICES + 5)
    study = load_study(open_storage(tmp_path, None), "vae")

    assert study.exhausted
    assert study.left(CHOICES + 5) == 0
    assert len(study.record().counted) == CHOICES
    with study.storage.worker() as worker:
        assert study.claim(worker, total=CHOICES + 5) is None


def test_a_space_in_hand_is_not_used_up_while_a_lost_trial_waits(tmp_path):
    worker = Worker(tmp_path, plan(FINITE))
    while worker.claim(CHOICES - 1):
        worker.end("complete")
    worker.claim(CHOICES + 5)
    other = Worker(tmp_path, plan(FINITE))
    assert not other.claim(CHOICES + 5)
    worker.kill()
    other.study.tidy()

    assert other.study.exhausted
    assert other.study.left(CHOICES + 5) == 1
    assert other.claim(CHOICES + 5)


def test_trials_are_proposed_from_all_that_was_found_before(tmp_path):
    work(tmp_path, 7)
    study = load_study(open_storage(tmp_path, None), "vae")
    expected = propose(study.plan.search, 1, study.record().trials)

    with study.storage.worker() as worker:
        assert study.claim(worker, total=8).params == expected.params


def test_processes_begun_at_once_share_the_trials(tmp_path):
    codes = run_at_once(3, run_twenty, tmp_path)

    record = load_study(open_storage(tmp_path, None), "vae").record()

    assert codes == [0, 0, 0]
    assert len(record.trials) == len(record.counted) == len(record.complete) == 20
    assert len({tuple(trial.params.items()) for trial in record.trials}) == 20


def test_a_study_in_postgresql_is_shared_in_the_same_way(tmp_path, database):
    study_plan = plan(FINITE, baseline=BASELINE, pruning={"first_epoch": 5})
    first, second = (Worker(tmp_path, study_plan, database) for _ in range(2))
    assert first.claim(4)
    assert second.claim(4)
    second.claimed.look(3.0, 5)
    second.end("give_back")
    while second.claim(4):
        second.claimed.note(device="cpu")
        second.claimed.look(score(second.claimed.params), 5)
        second.end("complete")
    assert first.study.left(4) == 0
    first.end("fail")  # the baseline

    record = load_study(open_storage(tmp_path, database), "vae").record()

    assert record == first.study.record() == second.study.record()
    check_done(record, 4)
    assert [trial.state.value for trial in record.trials].count("complete") == 3
    assert record.trials[1].looks == {5: 3.0}
    with pytest.raises(TuningError, match="another space"):
        open_study(first.study.storage, plan(WIDE, name="vae-11111111-4", space="4" * 64))


@pytest.mark.parametrize("total", [0, -1])
def test_without_any_trial_asked_for_none_is_begun(tmp_path, total):
    worker = Worker(tmp_path, plan(FINITE, baseline=BASELINE))

    assert not worker.claim(total)
    assert worker.study.left(total) == 0
