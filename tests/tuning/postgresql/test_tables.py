import optuna
import pytest
import sqlalchemy
from optuna.exceptions import StorageInternalError, UpdateFinishedTrialError
from optuna.storages import RDBStorage
from optuna.trial import TrialState

from mrigen.errors import ConnectionLostError
from postgresql_server import cut_off_error


def test_what_a_lost_connection_cut_off_is_done_again(postgresql, storage, study):
    trial = study.ask()
    cut = _cut_off_next(postgresql, storage, "INSERT INTO trial_user_attributes")
    trial.set_user_attr("note", 1)
    assert study.trials[0].user_attrs == {"note": 1}
    assert cut == ["once"]


def test_a_trial_that_may_have_been_begun_is_not_begun_again(postgresql, storage, study):
    cut = _cut_off_next(postgresql, storage, "SELECT 1", times=9)
    with pytest.raises(ConnectionLostError, match=r"connection .* was lost \(terminating"):
        optuna.create_study(storage=storage.optuna, study_name="another")
    assert len(cut) == 1
    assert study.trials == []


def _cut_off_next(server, storage, start, times=1):
    """Let the server end the connection of the next statements that insert."""
    cut = []

    def end(connection, cursor, statement, *_):
        if len(cut) < times and statement.startswith(("INSERT", start)):
            cut.append("once")
            server.execute(
                f"SELECT pg_terminate_backend({cursor.connection.info.backend_pid}, 5000)"
            )

    sqlalchemy.event.listen(storage.optuna.engine, "before_cursor_execute", end)
    return cut


def test_a_result_that_was_written_unheard_is_not_refused(storage, study, monkeypatch):
    trial = study.ask()
    real, calls = RDBStorage.set_trial_state_values, []

    def lose_the_answer(self, *args):
        answer = real(self, *args)
        calls.append(answer)
        raise StorageInternalError from cut_off_error()

    with monkeypatch.context() as patch:
        patch.setattr(RDBStorage, "set_trial_state_values", lose_the_answer)
        study.tell(trial, 0.25)
    assert calls == [True]
    assert study.trials[0].values == [0.25]
    with pytest.raises(UpdateFinishedTrialError):
        storage.optuna.set_trial_state_values(trial._trial_id, TrialState.COMPLETE, [0.5])


def test_a_trial_that_was_begun_unheard_is_the_one_that_is_run(storage, study, monkeypatch):
    study.enqueue_trial({"x": 0.5})
    real, calls = RDBStorage.set_trial_state_values, []

    def lose_the_first_answer(self, *args):
        calls.append(real(self, *args))
        if len(calls) == 1:
            raise StorageInternalError from cut_off_error()
        return calls[-1]

    monkeypatch.setattr(RDBStorage, "set_trial_state_values", lose_the_first_answer)
    assert study.ask().number == 0
    assert calls == [True, False]
    assert len(study.trials) == 1
