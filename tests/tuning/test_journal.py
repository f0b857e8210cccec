import os
import signal
import time

import optuna
import pytest
from optuna.trial import TrialState

from mrigen.errors import TuningError
from mrigen.tuning import journal
from mrigen.tuning.storage import JOURNAL, open_storage
from storage_process import open_for_tests, storage_processes


@pytest.fixture
def study(tmp_path):
    """A study with two trials, in the journal of the project."""
    study = optuna.create_study(storage=open_storage(tmp_path, None).optuna, study_name="study")
    study.enqueue_trial({"size": 16})
    study.enqueue_trial({"size": 32})
    return study


def test_a_process_killed_while_it_writes_a_line_spoils_nothing(tmp_path):
    with storage_processes(2, tmp_path) as (killed, next_one):
        assert killed.ask("open") == next_one.ask("open") == "opened"
        killed.ask("write_half")
        killed.kill()
        assert next_one.ask("begin") == "0"
        assert next_one.ask("begin") == "1"
    study = optuna.load_study(study_name="study", storage=open_storage(tmp_path, None).optuna)
    assert [trial.number for trial in study.trials] == [0, 1]


def test_a_last_line_cut_anywhere_is_as_if_it_was_never_begun(tmp_path, study, monkeypatch):
    monkeypatch.setattr("mrigen.tuning.journal_lines.FOREIGN_SECONDS", 0)
    path = tmp_path / JOURNAL
    whole = path.read_bytes()
    before = whole[: whole[:-1].rindex(b"\n") + 1]
    for length in {*range(len(before), len(whole), 9), len(whole) - 1}:
        path.write_bytes(whole[:length])
        cut = optuna.load_study(study_name="study", storage=open_storage(tmp_path, None).optuna)
        assert len(cut.trials) == 1
        cut.set_user_attr("note", "after the cut")
        assert path.read_bytes().startswith(before + b'{"op_code":2,')
        again = optuna.load_study(study_name="study", storage=open_storage(tmp_path, None).optuna)
        assert again.user_attrs == {"note": "after the cut"}


def test_a_line_that_another_program_is_writing_is_left_alone(tmp_path, study, monkeypatch):
    path = tmp_path / JOURNAL
    line = path.read_bytes().splitlines(keepends=True)[-1]
    with path.open("ab") as file:
        file.write(line[:30])

    def write_the_rest(seconds):
        with path.open("ab") as file:
            file.write(line[30:])

    monkeypatch.setattr("mrigen.tuning.journal_lines.time.sleep", write_the_rest)
    study.set_user_attr("note", 1)
    assert len(study.trials) == 3


def test_a_journal_that_was_removed_is_not_begun_in_its_middle(tmp_path, study):
    (tmp_path / JOURNAL).unlink()
    with pytest.raises(TuningError, match="was removed while it was in use"):
        study.set_user_attr("note", 1)
    assert not (tmp_path / JOURNAL).exists()


def test_locks_of_dead_workers_are_removed(tmp_path, study):
    with storage_processes(2, tmp_path) as (living, killed):
        living.ask("open"), killed.ask("open")
        living.ask("begin"), killed.ask("begin")
        killed.kill()
        storage = open_for_tests(tmp_path, None)
        with storage.exclusive():
            storage.fail_dead_trials(study)
        locks = list((tmp_path / "tuned" / "workers").iterdir())
        assert len(locks) == 1
        assert (
            locks[0]
            .name.replace("-", ":")
            .startswith(study.trials[0].user_attrs["worker"].replace("-", ":"))
        )
    assert [trial.state for trial in study.trials] == [TrialState.RUNNING, TrialState.FAIL]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no process is copied here")
def test_a_copy_of_a_dead_worker_does_not_keep_it_alive(tmp_path, study):
    # As the copies do that load images for it, for the seconds until they notice.
    with storage_processes(1, tmp_path) as (worker,):
        worker.ask("open"), worker.ask("begin")
        copy = int(worker.ask("fork"))
        try:
            worker.kill()
            storage = open_for_tests(tmp_path, None)
            end = time.monotonic() + 60  # the copy lets go as soon as it gets its turn
            while study.trials[0].state is TrialState.RUNNING and time.monotonic() < end:
                with storage.exclusive():
                    storage.fail_dead_trials(study)
        finally:
            os.kill(copy, signal.SIGKILL)
    assert study.trials[0].state is TrialState.FAIL


def test_a_worker_leaves_no_lock_behind(tmp_path):
    storage = open_storage(tmp_path, None)
    with storage.worker():
        assert len(list((tmp_path / "tuned" / "workers").iterdir())) == 1
    assert not list((tmp_path / "tuned" / "workers").iterdir())


def test_a_worker_name_cannot_lead_out_of_the_folder(tmp_path, study):
    precious = tmp_path / "precious.lock"
    precious.touch()
    trial = study.ask()
    trial.set_user_attr("worker", "../../precious")
    storage = open_storage(tmp_path, None)
    with storage.exclusive():
        storage.fail_dead_trials(study)
    assert study.trials[0].state is TrialState.FAIL
    assert precious.exists()


def test_who_waits_too_long_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr(journal, "LOCK_SECONDS", 0.1)
    with storage_processes(1, tmp_path) as (process,):
        process.ask("open"), process.ask("enter")
        storage = open_for_tests(tmp_path, None)  # which waits for nobody
        with pytest.raises(TuningError, match="locked by another process"), storage.exclusive():
            pytest.fail("two inside")


@pytest.mark.parametrize(
    "content",
    [
        b"models:\n  vae: {}\n",
        b'["op_code"]\n',
        b'{"op_code": "x"}\n',
        b"\x89PNG\r\n\x1a\n",
        b"half",
        b"[" * 10_000 + b"\n",
        b'{"op_code":' + b" " * 5000 + b"0}\n",
    ],
    ids=["yaml", "list", "text", "picture", "half", "nested", "long"],
)
def test_a_file_of_something_else_is_refused_and_left_as_it_is(tmp_path, content, monkeypatch):
    monkeypatch.setattr("mrigen.tuning.journal_lines._LONGEST_LINE", 5000)
    path = tmp_path / "other"
    path.write_bytes(content)
    with pytest.raises(TuningError, match=r"other' is not a journal of studies \(line 1\)"):
        open_storage(tmp_path, "other")
    assert path.read_bytes() == content


def test_a_spoiled_line_in_the_middle_is_named(tmp_path, study):
    path = tmp_path / JOURNAL
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(lines[0] + b"\0\0\0\n" + lines[1])
    with pytest.raises(TuningError, match=r"\(line 2\)"):
        open_storage(tmp_path, None)


def test_a_folder_is_refused(tmp_path):
    with pytest.raises(TuningError, match="is a folder: name a file in it"):
        open_storage(tmp_path, ".")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes with names here")
def test_what_is_no_file_is_refused_and_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(TuningError, match="is not a plain file"):
        open_storage(tmp_path, "pipe")


def test_a_folder_that_cannot_be_made_is_told(tmp_path):
    (tmp_path / "tuned").write_text("in the way")
    with pytest.raises(TuningError, match="cannot be written"):
        open_storage(tmp_path, None)


def test_nothing_is_made_for_who_only_reads(tmp_path):
    with pytest.raises(TuningError, match=r"no study storage at .*: run 'mrigen tune' first"):
        open_storage(tmp_path, None, create=False)
    assert not list(tmp_path.iterdir())


def test_who_only_reads_needs_no_lock(tmp_path, study):
    for lock in (tmp_path / "tuned").glob(".*.lock"):
        lock.unlink()
    storage = open_storage(tmp_path, None, create=False)
    assert len(optuna.load_study(study_name="study", storage=storage.optuna).trials) == 2
    assert [path.name for path in (tmp_path / "tuned").iterdir()] == [JOURNAL.name]
