"""params.yaml: what a newcomer gets told for each kind of slip."""

from pathlib import Path

import pytest
import yaml

from mrigen.errors import ConfigError
from mrigen.project import load_project

SHIPPED = Path(__file__).parent.parent / "params.yaml"


@pytest.fixture
def values() -> dict:
    return yaml.safe_load(SHIPPED.read_text())


def load(tmp_path: Path, values: object):
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(values))
    return load_project(tmp_path)


def test_the_shipped_file_is_valid():
    project = load_project(SHIPPED.parent)
    assert {"vae", "gan7", "unet"} <= set(project.params.models)


def change(values: dict, key: str, value: object) -> None:
    *path, last = key.split(".")
    for part in path:
        values = values[part]
    values[last] = value


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("models.vae.training.learnig_rate", 1, "learnig_rate' is not a known.*'learning_rate'"),
        ("models.vae.training.learning_rate", "fast", "'fast': expected a valid number"),
        ("models.vae.training.learning_rate", -1, "is -1: expected greater than 0"),
        ("models.vae.training.epochs", 0, "models.vae.training.epochs' is 0: expected greater"),
        ("models.vae.training.betas", [0.9, 1.5], r"betas\.1' is 1.5: expected less than 1"),
        ("models.vae.gate", {"frechet_ratoi": {"max": 1}}, "'frechet_ratoi'.*'frechet_ratio'"),
        ("models.vae.gate", {"frechet_ratio": 3}, r"gate\.frechet_ratio' is 3: expected a block"),
        (
            "datasets.heads.split",
            {"train": 0.9, "validation": 0.1, "test": 0},
            "split.test' is 0: expected greater than 0",
        ),
        ("models.vae.network.latent_size", 0, r"'models\.vae\.network\.latent_size' is 0"),
        ("models.vae.network.name", "vea", r"network\.name' is 'vea': expected 'vae', 'feliu_gan'"),
        ("models.gan7.network.depth", 5, "depth' is 5: expected 4, 7 or 15"),
        ("models.unet.corruption.downscale", 1, "downscale' is 1"),
        ("models.vae.dataset", "haeds", "models.vae.dataset' is 'haeds': expected one.*'heads'"),
        ("datasets.heads.source", "ixy", "datasets.heads.source' is 'ixy': expected one.*'ixi'"),
        ("datasets.heads.size", "big", "datasets.heads.size' is 'big'"),
        ("datasets.heads.modalities", ["T3"], "datasets.heads.modalities.* is 'T3': expected"),
        ("sources.ixi.layout", "bids", "sources.ixi.layout' is 'bids': expected 'ixi' or"),
        ("models.Bad Name", {}, "'models.Bad Name' is not a usable name"),
        ("modles", {}, "'modles' is not a known key: did you mean 'models'"),
    ],
)
def test_a_slip_is_told_by_key_value_and_expectation(tmp_path, values, key, value, expected):
    change(values, key, value)
    with pytest.raises(ConfigError, match=rf"^params\.yaml: .*{expected}"):
        load(tmp_path, values)


def test_a_missing_block_is_named(tmp_path, values):
    del values["models"]["vae"]["training"]
    with pytest.raises(ConfigError, match=r"'models\.vae\.training' is missing"):
        load(tmp_path, values)


@pytest.mark.parametrize("content", ["a: [", "", "just words", "- 1"])
def test_a_file_that_is_no_mapping_is_refused(tmp_path, content):
    (tmp_path / "params.yaml").write_text(content)
    with pytest.raises(ConfigError, match=r"params\.yaml"):
        load_project(tmp_path)


def test_a_folder_without_params_is_told(tmp_path):
    with pytest.raises(ConfigError, match="does not exist: run mrigen in a project folder"):
        load_project(tmp_path)


def test_unknown_names_list_the_known_ones(tmp_path, values):
    project = load(tmp_path, values)
    with pytest.raises(ConfigError, match=r"model 'vea' is not in params\.yaml.*'vae'"):
        project.model_config("vea")
    with pytest.raises(ConfigError, match=r"dataset 'x' is not in params\.yaml.*'heads'"):
        project.dataset_config("x")
