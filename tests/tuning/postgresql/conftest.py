import optuna
import pytest

from storage_process import open_for_tests


@pytest.fixture
def storage(tmp_path, database):
    """An empty storage."""
    return open_for_tests(tmp_path, database)


@pytest.fixture
def study(storage):
    """A study without trials."""
    return optuna.create_study(storage=storage.optuna, study_name="study")


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch):
    monkeypatch.setattr("mrigen.tuning.postgresql.tables.PAUSE_SECONDS", 0.01)
