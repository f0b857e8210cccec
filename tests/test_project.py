"""params.yaml: what a newcomer gets told for each kind of slip."""

from pathlib import Path

import pytest
import yaml

from mrigen.config import read_yaml
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
        (
            "models.unet.corruption",
            {"line_patch": {}, "downscale": 2},
            r"corruption' is \{'downscale.*: expected null, or a list of steps.*name: line_patch",
        ),
        ("models.unet.corruption", [], r"corruption' is \[\]: expected null, or a list of steps"),
        ("models.unet.corruption", [{"name": "gibs"}], r"corruption\.0\.name' is 'gibs': expected"),
        ("models.unet.corruption", [{"factor": 2}], r"corruption\.0\.name' is missing"),
        (
            "models.unet.corruption",
            [{"name": "line_patch"}, {"name": "lower_resolution", "factor": 1}],
            r"'models\.unet\.corruption\.1\.factor' is 1: expected greater",
        ),
        (
            "models.unet.corruption",
            [{"name": "gibbs", "keep": [0.7, 0.4]}],
            r"corruption\.0\.keep' is \[0\.7, 0\.4\]: expected \[lowest, highest\]",
        ),
        (
            "models.unet.corruption",
            [{"name": "one_of", "steps": [[{"name": "blur", "sgima": 1}], []]}],
            r"corruption\.0\.steps\.0\.0\.sgima' is not a known key: did you mean 'sigma'",
        ),
        (
            "models.unet.corruption",
            [{"name": "blur", "sigma": True}],
            r"corruption\.0\.sigma' is 'true': expected a valid number, [^,]*\.$",
        ),
        (
            "models.vqvae.network.code_prior",
            {"width": 10, "heads": 4},
            r"code_prior' is \{[^}]*\}: expected a 'width' that 'heads' divides, not 10[^:]*$",
        ),
        (
            "models.vae.network.sampling",
            {"name": "prior", "components": 3},
            r"sampling\.components' is not a known key: remove it\.$",
        ),
        ("models.vae.objective.noise_std", 0, r"noise_std' is 0: expected greater than 0, or 'le"),
        (
            "models.vae.objective.noise_std",
            None,
            r"objective\.noise_std' is None: expected a valid",
        ),
        (
            "models.unet.objective",
            {"name": "reconstruction", "terms": {"dssim": 1}, "patch_weight": 2},
            r"'models\.unet\.objective' is \{[^}]*\}+: expected a 'patch_weight' of 1",
        ),
        ("models.vae.dataset", "haeds", "models.vae.dataset' is 'haeds': expected one.*'heads'"),
        ("datasets.heads.source", "ixy", "datasets.heads.source' is 'ixy': expected one.*'ixi'"),
        ("datasets.heads.size", "big", "datasets.heads.size' is 'big'"),
        ("datasets.heads.modalities", ["T3"], r"modalities\.0' is 'T3': expected [^;]*\.$"),
        ("datasets.heads.modalities", [], "modalities' has too few entries: expected at least 1"),
        ("sources.ixi.path", "", "sources.ixi.path' is '': expected a text that is not empty"),
        ("sources.ixi.layout", "dicom", "sources.ixi.layout' is 'dicom': expected 'ixi', "),
        ("models.Bad Name", {}, "'models.Bad Name' is not a usable name"),
        ("models.vae.network", None, "network' is None: expected a block of keys"),
        ("models.vae.training.epochs", True, "epochs' is 'true': expected a valid integer"),
        ("models.vae.training.betas", [0.9, False], r"betas\.1' is 'false': expected a valid n"),
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


def test_a_number_with_an_exponent_is_a_number(tmp_path, values):
    change(values, "models.vae.training.learning_rate", "1e-3")
    assert load(tmp_path, values).params.models["vae"].training.learning_rate == 0.001


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("models.vae.training.epochs", "x" * 100_000),
        ("models.vae.network.name", "x" * 100_000),
        ("models.vae.training." + "x" * 100_000, 1),
        ("models.vae.gate", {f"{'x' * 1000}{number}": {"max": 1} for number in range(100)}),
        ("models.vae.training", {f"{'x' * 1000}{number}": 1 for number in range(100)}),
    ],
)
def test_a_long_slip_is_told_in_short(tmp_path, values, key, value):
    change(values, key, value)
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, values)
    assert len(str(caught.value)) < 2500


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("x: 2024-13-45", "not readable YAML: month must be"),
        ("x: !!int ''", "not readable YAML"),
        ("x: !!timestamp noon", "not readable YAML"),
        ("x: !!python/name:os.system", "not readable YAML"),
        ("[" * 5000, "nested too deeply"),
        ("a:\n  b: 1\n  c: 2\n  'b': 3\n", "the key 'b' is there twice in line 4, column 3"),
        ("{" + "x" * 900 + ": 1, " + "x" * 900 + ": 2}", r"the key 'x{77}\.\.\.' is there twice"),
    ],
)
def test_yaml_that_cannot_be_read_is_one_sentence(tmp_path, content, words):
    (tmp_path / "params.yaml").write_text(content)
    with pytest.raises(ConfigError, match=words) as caught:
        read_yaml(tmp_path / "params.yaml")
    assert len(str(caught.value)) < 500


def test_a_project_may_have_data_alone(tmp_path):
    source = "{layout: ixi, path: data/ixi}"
    text = f"sources: {{ixi: {source}}}\ndatasets: {{}}\nmodels: {{}}\n"
    (tmp_path / "params.yaml").write_text(text)
    assert set(load_project(tmp_path).params.sources) == {"ixi"}


def test_merged_keys_may_be_replaced(tmp_path):
    (tmp_path / "a.yaml").write_text("a: &a {x: 1}\nb: &b {<<: *a, x: 2}\nc: {<<: *b, x: 3}\n")
    assert read_yaml(tmp_path / "a.yaml") == {"a": {"x": 1}, "b": {"x": 2}, "c": {"x": 3}}


def test_a_file_that_cannot_be_opened_is_one_sentence(tmp_path, monkeypatch):
    (tmp_path / "params.yaml").mkdir()
    with pytest.raises(ConfigError, match=r"params\.yaml' cannot be read \(Is a directory\)"):
        load_project(tmp_path)

    def refuse(path, **_):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "read_text", refuse)
    with pytest.raises(ConfigError, match=r"cannot be read \(Permission denied\)"):
        load_project(tmp_path)


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


def test_labels_need_a_network_that_reads_them(tmp_path, values):
    labelled = {"flip": 0.5, "labelled": True}
    values["models"]["unet"]["training"]["augmentation"] = labelled
    with pytest.raises(
        ConfigError, match=r"augmentation\.labelled' is true, but the network 'unet'"
    ):
        load(tmp_path, values)
    del values["models"]["unet"]["training"]["augmentation"]
    values["models"]["vae"]["training"]["augmentation"] = labelled
    with pytest.raises(ConfigError, match=r"vae\.network\.label_size' is 0: expected 6, as"):
        load(tmp_path, values)
    values["models"]["vae"]["network"]["label_size"] = 6
    load(tmp_path, values)
    values["models"]["vae"]["training"]["augmentation"] = {"flip": 0.5}
    with pytest.raises(ConfigError, match=r"label_size' is 6: expected 0, as .* gives none"):
        load(tmp_path, values)


def test_a_plateau_needs_its_schedule(tmp_path, values):
    values["models"]["unet"]["training"] |= {"schedule": "cosine", "plateau": {"patience": 2}}
    with pytest.raises(ConfigError, match="'schedule: plateau' beside it"):
        load(tmp_path, values)


@pytest.mark.parametrize(
    ("model", "objective"), [("gan7", "adversarial"), ("flow", "flow_matching")]
)
def test_damage_needs_an_objective_that_looks_at_it(tmp_path, values, model, objective):
    values["models"][model]["corruption"] = [{"name": "line_patch"}]
    with pytest.raises(ConfigError, match=rf"'models\.{model}\.corruption'.*'{objective}' learns"):
        load(tmp_path, values)
