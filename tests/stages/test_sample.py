import dataclasses
import re
import subprocess
import sys
import zipfile

import numpy as np
import pytest
from click.testing import CliRunner

from mrigen.cli import main
from mrigen.errors import ConfigError, ModelError, RegistryError, TrackingError
from mrigen.models.sampling import draw_samples
from mrigen.stages.sample import sample
from mrigen.stages.serving.loading import load_served
from small_bundles import SIZE, network
from small_conditional import SmallConditional
from small_registry import GOOD, registered_project, write_project

KINDS = ["png", "zip", "npz", "nii"]


@pytest.fixture(scope="module")
def project(empty_database, tmp_path_factory):
    folder = tmp_path_factory.mktemp("project")
    return registered_project(folder, empty_database, vae=GOOD, unet=GOOD, flow=GOOD)


@pytest.fixture(scope="module")
def server(project, quiet_environment):
    words = ["--project", str(project.root), "serve", "--port", "0", "--lanes", "2"]
    with subprocess.Popen(
        [sys.executable, "-m", "mrigen", *words],
        stderr=subprocess.PIPE,
        text=True,
        env=quiet_environment,
    ) as process:
        try:
            lines = (re.search(r"Listening on (http://\S+:\d+)", line) for line in process.stderr)
            yield next(found[1] for found in lines if found)
        finally:
            process.kill()


def command(*words):
    answer = CliRunner().invoke(main, [str(word) for word in words])
    assert answer.exit_code == 0, answer.output
    return answer


def test_a_server_and_every_number_of_lanes_give_the_same_bytes(project, server, tmp_path):
    for kind in KINDS:
        asked = ["sample", "vae@champion", "--count", 37, "--seed", 3, "--out"]
        one, two, far = (tmp_path / f"{name}.{kind}" for name in ("one", "two", "far"))
        command("-C", project.root, *asked, one, "--lanes", 1)
        command("-C", project.root, *asked, two, "--lanes", 2)
        # The folder is none of a project.
        command("-C", tmp_path, *asked, far, "--server", server)
        assert len({path.read_bytes() for path in (one, two, far)}) == 1
    names = {f"{name}.{kind}" for name in ("one", "two", "far") for kind in KINDS}
    assert {path.name for path in tmp_path.iterdir() if path.is_file()} == names


def test_what_the_images_show_and_how_quickly_they_are_drawn_travels_to_a_server(
    project, server, tmp_path
):
    words = ["--age", 70, "--sex", "f", "--position-mm", 10, "--condition", "modality=T1w"]
    asked = ["sample", "flow@champion", "--count", 3, *words, "--out"]
    near, far, usual = (tmp_path / f"{name}.npz" for name in ("near", "far", "usual"))
    command("-C", project.root, *asked, near, "--quick")
    command("-C", tmp_path, *asked, far, "--quick", "--server", server)
    command("-C", tmp_path, *asked, usual, "--server", server)
    assert near.read_bytes() == far.read_bytes()
    with np.load(near, allow_pickle=False) as quick, np.load(usual, allow_pickle=False) as arrays:
        told = {"age": 70.0, "sex": 0.0, "position_mm": 10.0, "modality": 0.0}
        expected = draw_samples(network("flow"), range(3), told, quick=True)[:, 0].numpy()
        assert np.array_equal(quick["images"], expected)
        assert not np.array_equal(quick["images"], arrays["images"])
        names = set(arrays) - {"images", "seeds"}
        assert {name: float(arrays[name][0]) for name in names} == {
            f"condition_{name}": value for name, value in told.items()
        }


def test_a_refusal_of_the_server_is_one_line(server, tmp_path):
    words = ["sample", "unet", "--server", server, "--out", str(tmp_path / "x.png")]
    answer = CliRunner().invoke(main, words)
    assert answer.exit_code == 2
    assert answer.stderr.startswith(f"mrigen: the server {server} refused with status 422: model")
    assert answer.stderr.count("\n") == 1


def test_an_archive_has_the_samples_of_the_seeds(project, tmp_path):
    out = sample(project, "vae", count=2, seed=7, out=tmp_path / "new" / "x.NPZ")
    with np.load(out, allow_pickle=False) as arrays:
        assert np.array_equal(arrays["images"], draw_samples(network(), [7, 8])[:, 0].numpy())
        assert arrays["seeds"].tolist() == [7, 8]


def test_more_samples_than_a_sheet_holds_fit_the_other_formats(project, tmp_path):
    with pytest.raises(ConfigError, match="'count' is 300: expected 1 to 256"):
        sample(project, "vae", count=300, seed=0, out=tmp_path / "x.png")
    out = sample(project, "vae", count=300, seed=0, out=tmp_path / "x.zip")
    with zipfile.ZipFile(out) as pictures:
        assert len(pictures.namelist()) == 300


def test_conditions_are_told_to_the_network(project, tmp_path, monkeypatch):
    def conditional(*words):
        return dataclasses.replace(load_served(*words), network=SmallConditional(SIZE))

    monkeypatch.setattr("mrigen.stages.sample.load_served", conditional)
    words = ["-C", project.root, "sample", "vae", "--count", 2, "--out"]
    command(*words, tmp_path / "x.npz", "--condition", "age=70", "--condition", "sex=m")
    with np.load(tmp_path / "x.npz", allow_pickle=False) as arrays:
        assert arrays["condition_age"].tolist() == [70, 70]
        assert arrays["condition_sex"].tolist() == [1, 1]
    with pytest.raises(ConfigError, match="condition 'age' is"):
        sample(project, "vae", count=1, seed=0, out=tmp_path / "y.png", conditions={"age": 1e9})


@pytest.mark.parametrize(
    "words", [["age"], ["=1"], ["age="], ["age=1", "--condition", "age=2"]], ids=" ".join
)
def test_a_condition_has_a_name_and_a_value(tmp_path, words):
    asked = ["sample", "vae", "--out", str(tmp_path / "x.png"), "--condition", *words]
    answer = CliRunner().invoke(main, asked)
    assert answer.exit_code == 2
    assert "expected NAME=VALUE" in answer.stderr


@pytest.mark.parametrize("name", ["x.jpg", "x", "x.png.txt"])
def test_another_ending_is_refused(project, tmp_path, name):
    with pytest.raises(ConfigError, match=r"expected a name in \.png, \.zip, \.npz, \.nii"):
        sample(project, "vae", count=1, seed=0, out=tmp_path / name)


@pytest.mark.parametrize(
    ("count", "seed"), [(0, 0), (1_000_001, 0), (1, -1), (1, 2**63), (2, 2**63 - 1)]
)
def test_what_cannot_be_drawn_is_refused(project, tmp_path, count, seed):
    with pytest.raises(ConfigError, match="expected"):
        sample(project, "vae", count=count, seed=seed, out=tmp_path / "x.npz")
    assert not (tmp_path / "x.npz").exists()


def test_large_images_are_fewer_in_one_sheet(project, tmp_path, monkeypatch):
    def large(*words):
        return dataclasses.replace(load_served(*words), image_size=2048)

    monkeypatch.setattr("mrigen.stages.sample.load_served", large)
    with pytest.raises(ConfigError, match="expected 1 to 4 for a picture of 2048 x 2048"):
        sample(project, "vae", count=5, seed=0, out=tmp_path / "x.png")


def test_a_model_that_restores_cannot_sample(project, tmp_path):
    with pytest.raises(ModelError, match="restores images"):
        sample(project, "unet", count=1, seed=0, out=tmp_path / "x.png")


def test_an_unknown_model_is_told(project, tmp_path):
    with pytest.raises(RegistryError, match="there is 'flow', 'unet', 'vae'"):
        sample(project, "gan", count=1, seed=0, out=tmp_path / "x.png")


def test_sampling_makes_no_store(tmp_path):
    project = write_project(tmp_path)
    with pytest.raises(TrackingError, match="no MLflow store"):
        sample(project, "vae", count=1, seed=0, out=tmp_path / "x.png")
    assert [path.name for path in tmp_path.iterdir()] == ["params.yaml"]
