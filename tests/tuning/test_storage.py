"""Both kinds of storage, shared by real processes."""

import optuna
import pytest
from optuna.trial import TrialState

from mrigen.errors import TuningError
from mrigen.tuning.storage import open_storage
from storage_process import open_for_tests, storage_processes, wait_for_states


@pytest.fixture(params=["journal", "postgresql"])
def address(request):
    """None for a journal."""
    return request.getfixturevalue("database") if request.param == "postgresql" else None


def test_processes_that_start_at_the_same_moment_share_one_study(tmp_path, address):
    with storage_processes(3, tmp_path, address) as processes:
        for process in processes:
            process.send("open")
        assert [process.answer() for process in processes] == ["opened"] * 3
        assert {process.ask("begin") for process in processes} == {"0", "1", "2"}


def test_one_process_at_a_time_is_inside(tmp_path, address):
    with storage_processes(2, tmp_path, address) as processes:
        for process in processes:
            process.ask("open")
        for process in processes:
            process.send("count", 25)
        assert [process.answer() for process in processes] == ["counted"] * 2
    study = optuna.load_study(study_name="study", storage=open_for_tests(tmp_path, address).optuna)
    assert study.user_attrs["count"] == 50


def test_only_the_trial_of_a_killed_worker_is_failed(tmp_path, address):
    with storage_processes(2, tmp_path, address) as (living, killed):
        for process in (living, killed):
            process.ask("open")
            process.ask("beat", process.ask("begin"))
        killed.ask("enter")  # and the next one gets in all the same
        killed.kill()
        states = [TrialState.RUNNING, TrialState.FAIL]
        assert wait_for_states(open_for_tests(tmp_path, address), states) == states


def test_a_trial_whose_worker_never_signed_is_failed(tmp_path, address):
    storage = open_for_tests(tmp_path, address)
    study = optuna.create_study(storage=storage.optuna, study_name="study")
    with storage.worker() as worker, storage.exclusive():
        study.ask()
        signed = study.ask()
        signed.set_user_attr("worker", worker)
        storage.fail_dead_trials(study)
        states = [trial.state for trial in study.trials]
    assert states == [TrialState.FAIL, TrialState.RUNNING]


def test_who_is_inside_may_enter_again(tmp_path, address):
    storage, same = (open_for_tests(tmp_path, address) for _ in range(2))
    with storage.exclusive(), storage.exclusive(), same.exclusive():
        study = optuna.create_study(storage=same.optuna)
    assert study.trials == []


def test_workers_have_names_of_their_own(tmp_path, address):
    storage = open_for_tests(tmp_path, address)
    with storage.worker() as first, storage.worker() as second:
        assert first != second
        assert first.rpartition(":")[0] == second.rpartition(":")[0]


@pytest.mark.parametrize("address", ["sqlite:///studies.db", "mysql://me:s3cret-word@host/db"])
def test_other_kinds_of_storage_are_refused(tmp_path, address):
    with pytest.raises(TuningError, match=r"of kind '(sqlite|mysql)': expected") as caught:
        open_storage(tmp_path, address)
    assert "s3cret-word" not in str(caught.value)


@pytest.mark.parametrize("address", ["me:s3cret-word@host/db", "//me:s3/cret-word@host/db"])
def test_an_address_without_its_kind_does_not_become_a_file(tmp_path, address):
    with pytest.raises(TuningError, match="does not begin with 'postgresql://'") as caught:
        open_storage(tmp_path, address)
    assert "cret-word" not in str(caught.value)
    assert not list(tmp_path.iterdir())
