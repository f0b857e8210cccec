import logging
import os
import shutil
import signal

import pytest
import torch

from postgresql_server import running_server, why_missing

# What begins so is for whoever runs the tests, and not for them.
OUTER = ("MLFLOW_TRACKING", "MRIGEN_")

# Networks in the tests are so small that a second thread costs more than it brings.
torch.set_num_threads(1)

# A shell that runs the tests in the background has Ctrl-C ignored, and every process begun by a
# test would inherit that.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def _no_outer_settings(monkeypatch):
    """No test reaches the MLflow store, the studies or the keys of whoever runs it."""
    for name in [one for one in os.environ if one.startswith(OUTER)]:
        monkeypatch.delenv(name)


@pytest.fixture(autouse=True)
def _settings_of_the_process():
    """What a command sets for its process, no later test is to notice."""
    log, threads = logging.getLogger("mrigen"), torch.get_num_threads()
    level = log.level
    yield
    log.setLevel(level)
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory):
    """An MLflow database with all its tables; making one takes a second."""
    from mrigen.tracking.tracker import connect

    folder = tmp_path_factory.mktemp("store")
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        connect(folder)
    return folder / "mlflow.db"


@pytest.fixture
def store(empty_database, tmp_path):
    """A project folder whose MLflow store is there and empty."""
    folder = tmp_path / "project"
    folder.mkdir()
    shutil.copyfile(empty_database, folder / "mlflow.db")
    return folder


@pytest.fixture(scope="session")
def quiet_environment():
    """Environment for processes that tests start."""
    return {name: value for name, value in os.environ.items() if not name.startswith(OUTER)}


@pytest.fixture(scope="session")
def postgresql():
    """A PostgreSQL server."""
    reason = why_missing()
    if reason:
        pytest.skip(reason)
    with running_server() as server:
        yield server


@pytest.fixture
def schema(postgresql):
    """A part of a PostgreSQL database that has no tables yet."""
    return postgresql.new_schema()


@pytest.fixture
def database(schema):
    """Its address."""
    return schema.address()
