import pytest

from mrigen.errors import ConnectionLostError, TuningError
from mrigen.tuning.postgresql import lock
from storage_process import storage_processes


def test_a_lost_lock_lets_nothing_more_be_written(postgresql, storage, study):
    with storage.exclusive():
        postgresql.restart_soon(0.0).join()
        with pytest.raises(ConnectionLostError, match=r"lock of the study storage .* was lost"):
            study.set_user_attr("note", "written without a lock")
    assert study.user_attrs == {}
    with storage.exclusive():
        study.set_user_attr("note", "written with one")


def test_who_waits_for_the_lock_waits_over_a_restart(tmp_path, postgresql, database, storage):
    with storage_processes(1, tmp_path, database) as (process,):
        process.ask("open")
        with storage.exclusive():
            process.send("enter")
            while not postgresql.execute("SELECT 1 FROM pg_locks WHERE NOT granted"):
                pass
            postgresql.restart_soon(0.0).join()
        assert process.answer() == "entered"


def test_who_waits_too_long_for_the_lock_says_so(tmp_path, database, storage, monkeypatch):
    with storage_processes(1, tmp_path, database) as (process,):
        process.ask("open"), process.ask("enter")
        monkeypatch.setattr(lock, "LOCK_SECONDS", 1)
        with pytest.raises(TuningError, match="locked by another process"), storage.exclusive():
            pytest.fail("two inside")
