import dataclasses

import numpy as np
import pytest
from fastapi.testclient import TestClient

from mrigen.errors import ConfigError, ModelError, RegistryError, TrackingError
from mrigen.models.sampling import draw_samples
from mrigen.registry.versions import champions
from mrigen.serving.app import create_app
from mrigen.stages.register import register
from mrigen.stages.sample import sample
from mrigen.stages.serve import served
from mrigen.tracking.tracker import connect
from small_bundles import network
from small_registry import write_evaluated, write_project


@pytest.fixture
def project(store):
    project = write_project(store)
    for model in ("vae", "unet"):
        write_evaluated(project, model)
        register(project, model)
    return project


@pytest.mark.parametrize("kind", ["png", "npz"])
def test_a_file_has_the_bytes_of_the_server(project, tmp_path, kind):
    out = sample(project, "vae@champion", count=5, seed=3, out=tmp_path / f"x.{kind}")
    models = [served(bundle) for bundle in champions(connect(project.root))]
    with TestClient(create_app(models)) as client:
        body = {"count": 5, "seed": 3, "format": kind}
        assert client.post("/v1/models/vae/samples", json=body).content == out.read_bytes()


def test_an_archive_has_the_samples_of_the_seeds(project, tmp_path):
    out = sample(project, "vae", count=2, seed=7, out=tmp_path / "new" / "x.NPZ")
    with np.load(out, allow_pickle=False) as arrays:
        assert np.array_equal(arrays["images"], draw_samples(network(), [7, 8])[:, 0].numpy())
        assert arrays["seeds"].tolist() == [7, 8]


@pytest.mark.parametrize("name", ["x.jpg", "x", "x.png.txt"])
def test_another_ending_is_refused(project, tmp_path, name):
    with pytest.raises(ConfigError, match=r"expected a name in \.png or \.npz"):
        sample(project, "vae", count=1, seed=0, out=tmp_path / name)


@pytest.mark.parametrize(("count", "seed"), [(0, 0), (257, 0), (1, -1), (1, 2**63), (2, 2**63 - 1)])
def test_what_cannot_be_drawn_is_refused(project, tmp_path, count, seed):
    with pytest.raises(ConfigError, match="expected"):
        sample(project, "vae", count=count, seed=seed, out=tmp_path / "x.png")
    assert not (tmp_path / "x.png").exists()


def test_large_images_are_fewer_in_one_file(project, tmp_path, monkeypatch):
    def large(bundle):
        return dataclasses.replace(served(bundle), image_size=2048)

    monkeypatch.setattr("mrigen.stages.sample.served", large)
    with pytest.raises(ConfigError, match="2048 pixels, at most 4 in one file"):
        sample(project, "vae", count=5, seed=0, out=tmp_path / "x.png")


def test_a_model_that_restores_cannot_sample(project, tmp_path):
    with pytest.raises(ModelError, match="restores images"):
        sample(project, "unet", count=1, seed=0, out=tmp_path / "x.png")


def test_an_unknown_model_is_told(project, tmp_path):
    with pytest.raises(RegistryError, match="there is 'unet', 'vae'"):
        sample(project, "gan", count=1, seed=0, out=tmp_path / "x.png")


def test_sampling_makes_no_store(tmp_path):
    project = write_project(tmp_path)
    with pytest.raises(TrackingError, match="no MLflow store"):
        sample(project, "vae", count=1, seed=0, out=tmp_path / "x.png")
    assert [path.name for path in tmp_path.iterdir()] == ["params.yaml"]
