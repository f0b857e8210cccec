import sqlite3

import pytest

from mrigen.errors import TrackingError
from mrigen.tracking.address import check_store, redact, store_address


def test_the_default_store_is_beside_the_project(tmp_path):
    address = store_address(tmp_path)
    assert address.uri == f"sqlite:///{tmp_path}/mlflow.db"
    assert address.folder == tmp_path
    assert address.database == tmp_path / "mlflow.db"


@pytest.mark.parametrize("uri", ["http://host:5000", "https://host/mlflow"])
def test_a_server_has_its_own_place_for_artifacts(tmp_path, monkeypatch, uri):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    assert store_address(tmp_path).folder is None


def test_another_database_has_its_artifacts_beside_it(tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/elsewhere/runs.db")
    address = store_address(tmp_path / "project")
    assert address.folder == tmp_path / "elsewhere"


@pytest.mark.parametrize("uri", ["http://[bad", "http://me:secret@host:port"])
def test_what_is_not_an_address_is_refused_without_repeating_it(tmp_path, monkeypatch, uri):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    with pytest.raises(TrackingError, match="not an address") as caught:
        store_address(tmp_path)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("uri", "shown"),
    [
        ("http://me:secret@host:5000/a", "http://host:5000/a"),
        ("https://token@host", "https://host"),
        ("https://me:p@ss@host", "https://host"),
        ("postgresql://host/db?password=secret", "postgresql://host/db"),
        ("sqlite:////home/me@work/mlflow.db", "sqlite:////home/me@work/mlflow.db"),
    ],
)
def test_an_address_is_shown_without_secrets(uri, shown):
    assert redact(uri) == shown


@pytest.mark.parametrize(
    "uri", ["http://me:secret@127.0.0.1:9", "postgresql://me:secret@127.0.0.1:9/db"]
)
def test_a_server_that_is_not_there_is_reported_without_secrets(tmp_path, monkeypatch, uri):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    with pytest.raises(TrackingError, match=r"127\.0\.0\.1:9.* cannot be reached") as caught:
        check_store(store_address(tmp_path), write=True)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("uri", "port"),
    [
        ("postgresql://127.0.0.1/db", 5432),
        ("mysql+pymysql://127.0.0.1/db", 3306),
        ("postgresql://127.0.0.1:9/db", 9),
    ],
)
def test_a_database_server_is_asked_at_its_usual_port(tmp_path, monkeypatch, uri, port):
    def refuse(place, **_):
        raise ConnectionRefusedError(f"nobody at {place}")

    monkeypatch.setattr("socket.create_connection", refuse)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    with pytest.raises(TrackingError, match=rf"cannot be reached \(nobody at .*, {port}\)"):
        check_store(store_address(tmp_path), write=True)


@pytest.mark.parametrize(
    "uri",
    ["sqlite://", "sqlite:///", "sqlite:///:memory:", "sqlite:///file:x?mode=memory&uri=true"],
)
def test_a_store_in_memory_is_refused(tmp_path, monkeypatch, uri):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    with pytest.raises(TrackingError, match="every run would be lost"):
        store_address(tmp_path)


def test_a_file_that_is_no_database_is_refused(tmp_path):
    (tmp_path / "mlflow.db").write_text("these are notes " * 100)
    with pytest.raises(TrackingError, match="not a database"):
        check_store(store_address(tmp_path), write=True)
    assert (tmp_path / "mlflow.db").read_text().startswith("these are notes")


def test_a_database_of_something_else_is_left_alone(tmp_path):
    connection = sqlite3.connect(tmp_path / "mlflow.db")
    connection.execute("CREATE TABLE patients (name)")
    connection.close()
    with pytest.raises(TrackingError, match="something else"):
        check_store(store_address(tmp_path), write=True)


def test_a_folder_in_the_place_of_the_database_is_refused(tmp_path):
    (tmp_path / "mlflow.db").mkdir()
    with pytest.raises(TrackingError, match="cannot be used"):
        check_store(store_address(tmp_path), write=True)


def test_reading_makes_no_store(tmp_path):
    with pytest.raises(TrackingError, match="no MLflow store"):
        check_store(store_address(tmp_path), write=False)
    assert list(tmp_path.iterdir()) == []


def test_a_file_in_the_place_of_the_folder_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(TrackingError, match="cannot hold the MLflow store"):
        store_address(tmp_path / "file" / "project").lock()
