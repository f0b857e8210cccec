import time

import optuna
import pytest
import sqlalchemy
from optuna.trial import TrialState

from mrigen.errors import TuningError
from mrigen.tuning.postgresql import tables
from mrigen.tuning.storage import open_storage
from postgresql_server import PASSWORD, cut_off_error, sentence_told
from storage_process import open_for_tests, storage_processes, wait_for_states


def test_a_trial_is_failed_whose_worker_was_killed_before_the_first_heartbeat(tmp_path, database):
    with storage_processes(1, tmp_path, database) as (process,):
        process.ask("open")
        assert process.ask("begin") == "0"
        process.kill()
    storage = open_for_tests(tmp_path, database)
    assert wait_for_states(storage, [TrialState.FAIL]) == [TrialState.FAIL]


def test_heartbeats_do_not_depend_on_the_time_zone_of_the_session(tmp_path, schema):
    address = schema.address(options=" -c timezone=Pacific/Honolulu")
    storage = open_for_tests(tmp_path, address)
    study = optuna.create_study(storage=storage.optuna)
    trial = study.ask()
    trial.set_user_attr("worker", "me")
    with storage.beating(study, trial.number):
        storage.fail_dead_trials(study)
    assert study.trials[0].state is TrialState.RUNNING


def test_heartbeats_go_on_after_a_restart(postgresql, storage, study):
    trial = study.ask()
    with storage.beating(study, trial.number):
        postgresql.restart_soon(1.5).join()  # at least one heartbeat was due
        before, end = _heartbeat(storage), time.monotonic() + 30
        while _heartbeat(storage) == before and time.monotonic() < end:
            time.sleep(0.1)
        assert _heartbeat(storage) != before


def test_nobody_is_taken_for_dead_because_the_server_was_away(tmp_path, postgresql, schema):
    storage = open_storage(tmp_path, schema.address())
    study = optuna.create_study(storage=storage.optuna)
    trial = study.ask()
    trial.set_user_attr("worker", "me")
    with storage.beating(study, trial.number):
        postgresql.execute(
            f"UPDATE {schema.name}.trial_heartbeats SET heartbeat = heartbeat - INTERVAL '1 hour'"
        )
        postgresql.restart_soon(0.0).join()
        storage.fail_dead_trials(study)
    assert study.trials[0].state is TrialState.RUNNING


def _heartbeat(storage):
    with storage.optuna.engine.connect() as connection:
        return connection.execute(sqlalchemy.text("SELECT heartbeat FROM trial_heartbeats")).all()


def test_who_opens_the_storage_can_wait_for_the_server(tmp_path, postgresql, database):
    timer = postgresql.restart_soon()
    assert open_storage(tmp_path, database, wait=True).address
    timer.join()


@pytest.mark.parametrize("wait", [True, False])
def test_opening_that_was_cut_off_begins_again_for_who_can_wait(
    tmp_path, database, monkeypatch, wait
):
    calls = []

    def open_tables(*args, **options):
        calls.append("open")
        if len(calls) == 1:
            raise cut_off_error()
        return tables.StudyTables(*args, **options)

    monkeypatch.setattr("mrigen.tuning.postgresql.studies.StudyTables", open_tables)
    if wait:
        assert open_storage(tmp_path, database, wait=True).optuna.get_all_studies() == []
    else:
        assert r"was lost (gone): run the same command again" in sentence_told(tmp_path, database)
    assert len(calls) == 1 + wait


def test_a_user_who_may_make_no_tables_is_told_so(tmp_path, schema):
    guest = schema.add_user("USAGE ON")
    told = sentence_told(tmp_path, schema.address(guest))
    assert f"(permission denied for schema {schema.name}): let its owner GRANT" in told


def test_tables_of_something_else_are_told(tmp_path, postgresql, schema):
    postgresql.execute(f"CREATE TABLE {schema.name}.version_info (name text)")
    told = sentence_told(tmp_path, schema.address())
    assert "cannot be used (column version_info." in told
    assert told.endswith("does not exist): name another database, such as an empty one.")


def test_tables_of_another_version_of_optuna_are_told(tmp_path, postgresql, schema):
    open_storage(tmp_path, schema.address())
    postgresql.execute(f"UPDATE {schema.name}.alembic_version SET version_num = 'v9.9.9.a'")
    assert "are of another version of Optuna" in sentence_told(tmp_path, schema.address())


def test_no_tables_are_made_for_who_only_reads(tmp_path, postgresql, schema):
    assert "run 'mrigen tune' first" in sentence_told(tmp_path, schema.address(), create=False)
    tables = f"SELECT 1 FROM information_schema.tables WHERE table_schema = '{schema.name}'"
    assert postgresql.execute(tables) == []


def test_who_only_reads_needs_no_right_to_write(tmp_path, schema, study):
    study.set_user_attr("note", 1)
    reader = schema.add_user("USAGE ON", "SELECT ON ALL TABLES IN")
    storage = open_storage(tmp_path, schema.address(reader), create=False)
    seen = optuna.load_study(study_name="study", storage=storage.optuna)
    assert seen.user_attrs == {"note": 1}
    with pytest.raises(TuningError, match="permission denied for table") as caught:
        seen.set_user_attr("note", 2)
    assert PASSWORD not in str(caught.value)


def test_the_address_for_people_has_no_password(storage, database):
    place = database.partition("@")[2].partition("?")[0]
    assert storage.address == f"postgresql://{place}"
