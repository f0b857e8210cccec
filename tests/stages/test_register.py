import shutil
from pathlib import Path

import pytest

from mrigen.errors import ConfigError, DataError, ModelError, RegistryError
from mrigen.registry.versions import resolve
from mrigen.stages.register import register
from mrigen.tracking.tracker import connect
from small_bundles import write_bundle
from small_registry import GOOD, write_evaluated, write_project


@pytest.fixture
def project(store):
    return write_project(store)


def test_an_evaluated_model_is_registered_once(project):
    digest = write_evaluated(project)
    first, again = register(project, "vae"), register(project, "vae")
    assert (first.version, first.promoted, again.version) == (1, True, 1)
    found = resolve(connect(project.root), "vae@champion")
    assert (found.digest, found.version) == (digest, 1)


def test_the_card_lies_beside_the_version_and_is_its_description(project, tmp_path):
    write_evaluated(project)
    register(project, "vae")
    client = connect(project.root).client
    version = client.get_model_version("vae", "1")
    assert version.description.startswith("# Model card of vae\n")
    assert len(version.description) < 5000
    path = client.download_artifacts(version.run_id, "registered/model_card.md", str(tmp_path))
    card = Path(path).read_text()
    assert "It passes its gate." in card
    assert "The dataset is not at hand." in card
    write_evaluated(project, metrics={"frechet_ratio": 31})
    register(project, "vae")
    description = client.get_model_version("vae", "1").description
    assert "It does not pass its gate: 'frechet\\_ratio' is 31" in description


def test_the_gate_of_params_yaml_decides(project):
    write_evaluated(project, metrics={"frechet_ratio": 31})
    done = register(project, "vae")
    assert done.champion is None
    assert done.refusals == ("'frechet_ratio' is 31: the gate asks for at most 30",)


def test_a_model_that_copies_is_not_promoted(project):
    write_evaluated(project)
    register(project, "vae")
    write_evaluated(project, seed=1, metrics=GOOD | {"copied_share": 0.97})
    with pytest.raises(RegistryError, match=r"copies slices.*look at 'figures/copying_pairs.png'"):
        register(project, "vae", promote=True)
    assert register(project, "vae").champion == 1


def test_promotion_is_passed_on(project):
    write_evaluated(project)
    register(project, "vae")
    write_evaluated(project, seed=1)
    assert not register(project, "vae").promoted
    assert register(project, "vae", promote=True).champion == 2


def test_a_model_that_was_not_trained_is_told(project):
    with pytest.raises(ModelError, match="Train the model"):
        register(project, "vae")


@pytest.mark.parametrize("name", ["metrics.json", "evaluated.json"])
def test_a_model_that_was_not_evaluated_is_told(project, name):
    write_evaluated(project)
    (project.evaluation("vae") / name).unlink()
    with pytest.raises(RegistryError, match="run mrigen evaluate vae"):
        register(project, "vae")


def test_an_evaluation_of_another_bundle_is_refused(project):
    write_evaluated(project, judged="0" * 64)
    with pytest.raises(RegistryError, match="is that of bundle 000000000000, but its bundle is"):
        register(project, "vae")


def test_a_bundle_of_another_model_is_refused(project):
    write_evaluated(project)
    shutil.rmtree(project.bundle("vae"))
    write_bundle(project.bundle("vae"), "gan")
    with pytest.raises(RegistryError, match="holds a bundle of model 'gan'"):
        register(project, "vae")


@pytest.mark.parametrize("value", ["low", None, True, [1]])
def test_a_metric_that_is_not_a_number_is_refused(project, value):
    write_evaluated(project, metrics={"frechet_ratio": value})
    with pytest.raises(RegistryError, match="expected a number"):
        register(project, "vae")


def test_damaged_metrics_are_refused(project):
    write_evaluated(project)
    (project.evaluation("vae") / "metrics.json").write_text("{")
    with pytest.raises(DataError):
        register(project, "vae")


def test_an_unknown_model_is_told(project):
    with pytest.raises(ConfigError, match="model 'vea' is not in"):
        register(project, "vea")
