import pytest

from mrigen.errors import TrackingError
from mrigen.tracking.address import store_address
from mrigen.tracking.refusals import tracking_errors


def test_a_missing_driver_is_named_with_the_store(tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "postgresql://me:secret@localhost/runs")
    with (
        pytest.raises(TrackingError, match="pip install psycopg2-binary") as caught,
        tracking_errors(store_address(tmp_path)),
    ):
        raise ModuleNotFoundError("No module named 'psycopg2'", name="psycopg2")
    assert "postgresql://localhost/runs" in str(caught.value)
    assert "secret" not in str(caught.value)


def test_a_missing_module_is_no_refusal_of_a_store_without_driver(tmp_path):
    with pytest.raises(ModuleNotFoundError), tracking_errors(store_address(tmp_path)):
        raise ModuleNotFoundError("No module named 'mlflow.x'", name="mlflow.x")
