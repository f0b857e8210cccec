"""The sheet of damage on a dataset's own slices."""

import json

import numpy as np
import pytest
import yaml
from click.testing import CliRunner
from PIL import Image

from damage import NAMES
from mrigen.cli import main
from mrigen.data.store.slice_store import SliceStore
from mrigen.errors import ConfigError, DataError
from mrigen.project import load_project
from mrigen.stages.preview import preview
from phantoms import slice_store

MODEL = {
    "dataset": "discs",
    "network": {"name": "unet", "base_channels": 2, "depth": 2},
    "objective": {"name": "reconstruction"},
    "corruption": None,
    "training": {},
    "evaluation": {},
    "gate": {},
}
PARAMS = {
    "sources": {"phantoms": {"layout": "ixi", "path": "data"}},
    "datasets": {"discs": {"source": "phantoms", "size": 32}},
    "models": {
        "plain": MODEL,
        "unet": MODEL | {"corruption": [{"name": "ghosting", "factor": 0.3, "axis": "rows"}]},
    },
}


@pytest.fixture
def project(tmp_path):
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(json.loads(json.dumps(PARAMS))))
    project = load_project(tmp_path)
    slice_store(project.processed("discs"))
    return project


def columns(path):
    """Return the pictures of the sheet, one array per column, without the titles."""
    with Image.open(path) as sheet:
        assert sheet.mode == "L"
        pixels = np.asarray(sheet, float)
    count = (pixels.shape[1] + 2) // 130
    assert pixels.shape == (20 + 4 * 130 - 2, count * 130 - 2)
    assert pixels[:20].max() > 200  # titles
    return [pixels[20:, 130 * place : 130 * place + 128] for place in range(count)]


def test_every_step_has_a_column(project, tmp_path):
    clean, *damaged = columns(preview(project, "discs", out=tmp_path / "new" / "all.PNG"))
    assert len(damaged) == len(NAMES)
    for name, strip in zip(NAMES, damaged, strict=True):
        assert not np.array_equal(strip, clean), name


def test_the_damage_of_a_model_grows_from_left_to_right(project, tmp_path):
    strips = columns(preview(project, "discs", out=tmp_path / "x.png", model="unet"))
    errors = [np.square(strip - strips[0]).mean() for strip in strips]
    assert len(errors) == 5
    assert errors == sorted(errors)
    assert errors[1] > 1
    store = SliceStore(project.processed("discs"))
    rows = store.positions("train")
    assert np.array_equal(strips[0][:128:4, ::4], store.read(rows[:1])[0])


def test_same_seed_same_bytes(project, tmp_path):
    def sheet(**words):
        return preview(project, "discs", out=tmp_path / "x.png", **words).read_bytes()

    assert sheet() == sheet()
    assert sheet() != sheet(seed=1)
    assert sheet() != sheet(split="test")


@pytest.mark.parametrize("name", ["x.jpg", "x", "x.png.txt"])
def test_another_ending_is_refused(project, tmp_path, name):
    with pytest.raises(ConfigError, match=r"is not a \.png file: give the sheet"):
        preview(project, "discs", out=tmp_path / name)
    assert not (tmp_path / name).exists()


@pytest.mark.parametrize(
    ("words", "error", "expected"),
    [
        ({"dataset": "disks"}, ConfigError, "dataset 'disks' is not in params.yaml"),
        ({"model": "vae"}, ConfigError, "model 'vae' is not in params.yaml"),
        ({"model": "plain"}, ConfigError, "model 'plain' learns from clean slices"),
    ],
)
def test_what_cannot_be_drawn_is_refused(project, tmp_path, words, error, expected):
    with pytest.raises(error, match=expected):
        preview(project, out=tmp_path / "x.png", **{"dataset": "discs"} | words)
    assert not (tmp_path / "x.png").exists()


def test_slices_must_have_been_cut(tmp_path):
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(json.loads(json.dumps(PARAMS))))
    with pytest.raises(DataError, match="mrigen slices discs"):
        preview(load_project(tmp_path), "discs", out=tmp_path / "x.png")


def test_the_command_writes_the_sheet(project, tmp_path):
    words = ["-C", str(project.root), "data", "preview", "discs", "--model", "unet", "--out"]
    answer = CliRunner().invoke(main, [*words, str(tmp_path / "x.png")])
    assert answer.exit_code == 0, answer.output
    assert answer.stdout == f"sheet: {tmp_path / 'x.png'}\n"
    answer = CliRunner().invoke(main, [*words, str(tmp_path / "x.jpg")])
    assert answer.exit_code == 2
    assert answer.stderr.count("\n") == 1
