"""The child process that reads Keras files."""

import h5py
import numpy as np
import pytest

from keras_refused import good_file, refusal
from mrigen.models.keras_weights import guard
from mrigen.models.keras_weights.reading import read_keras


@pytest.fixture
def path(tmp_path):
    return good_file(tmp_path)


def test_refusals_come_through(path):
    with h5py.File(path, "r+") as file:
        file["model_weights/conv2d_1/conv2d_1/bias:0"][0] = np.nan
    assert "'bias' of layer 'conv2d_1' of 'net.h5' has values that are not" in refusal(path)
    path.write_text("no model")
    assert "'net.h5' is not a readable HDF5 file (Unable" in refusal(path)


def test_a_library_that_never_returns_is_stopped(path, monkeypatch):
    monkeypatch.setattr(guard, "_SECONDS", 0.01)  # less than Python takes to start
    assert "took more than 0 s): expected a model that Keras saved" in refusal(path)


@pytest.mark.parametrize("stage", ["at once", "after the plan"])
def test_a_library_that_crashes_takes_no_more_than_its_own_process(
    path, tmp_path, monkeypatch, stage
):
    fault = "import os; os.abort()"
    if stage == "after the plan":
        plan = (
            "from mrigen.models.keras_weights import guard; import sys; from pathlib import Path; "
        )
        plan += (
            "guard.main(Path(sys.argv[1]), type('', (), {'readline': os.abort}), sys.stdout.buffer)"
        )
        fault = f"import os; {plan}"
    (tmp_path / "crashing.py").write_text(fault)
    monkeypatch.setattr(guard, "__name__", "crashing")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    assert "the HDF5 library broke down over it" in refusal(path)


def test_code_beside_the_download_is_not_imported(path, tmp_path, monkeypatch):
    (tmp_path / "h5py.py").write_text("raise SystemExit")
    monkeypatch.chdir(tmp_path)
    assert read_keras(path, "skip_cae").image_size == 16
