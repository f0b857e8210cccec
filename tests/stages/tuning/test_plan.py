"""What is refused before a study begins, and what its plan says."""

import pytest
import yaml

from mrigen.config import read_yaml
from mrigen.data.splits.config import SplitConfig
from mrigen.errors import ConfigError, DataError
from mrigen.project import load_project
from mrigen.stages.tuning.plan import plan_study
from phantoms import slice_store
from searched_project import searched_project


@pytest.fixture
def project(tmp_path):
    return searched_project(tmp_path)


def test_a_plan_says_what_is_searched_on_what(project):
    plan = plan_study(project, "unet")
    assert plan.objectives == ("dssim",)
    assert plan.baseline == {"training.learning_rate": 0.01, "network.depth": 2}
    assert plan.epochs == 3
    assert plan.name == f"unet-{plan.data[:8]}-{plan.space[:8]}"
    both = plan_study(project, "unet", multi_objective=True)
    assert both.objectives == ("dssim", "seconds")
    assert both.space != plan.space


def test_a_score_that_is_asked_for_decides(tmp_path):
    project = searched_project(tmp_path, score="mse")
    assert plan_study(project, "unet").objectives == ("mse",)


def test_parameters_outside_the_space_make_no_baseline(tmp_path, caplog):
    caplog.set_level("INFO", "mrigen")
    space = {"training.learning_rate": {"float": [1e-4, 1e-3]}}
    project = searched_project(tmp_path, parameters=space)
    assert plan_study(project, "unet").baseline is None
    assert "'training.learning_rate' is 0.01, outside [0.0001, 0.001]" in caplog.text


def test_a_model_without_a_search_is_refused(project):
    values = read_yaml(project.root / "params.yaml")
    del values["models"]["unet"]["search"]
    (project.root / "params.yaml").write_text(yaml.safe_dump(values))
    with pytest.raises(ConfigError, match="'unet' has no block 'search'"):
        plan_study(load_project(project.root), "unet")


def test_a_score_of_other_networks_is_refused(tmp_path):
    project = searched_project(tmp_path, score="frechet_distance")
    with pytest.raises(ConfigError, match="'frechet_distance' cannot be measured for a UNet"):
        plan_study(project, "unet")


def test_a_network_at_the_edge_that_cannot_be_built_is_refused(tmp_path):
    space = {
        "network.base_channels": {"integer": [200, 256]},
        "network.depth": {"choice": [1, 6]},
    }
    project = searched_project(tmp_path, parameters=space)
    with pytest.raises(ConfigError, match=r"'unet' reaches .*depth 6, which cannot be trained"):
        plan_study(project, "unet")


def test_a_dataset_without_validation_slices_is_refused(project):
    split = SplitConfig(train=0.5, validation=0, test=0.5)
    slice_store(project.processed("discs"), split=split)
    with pytest.raises(DataError, match="validation"):
        plan_study(project, "unet")


def test_missing_slices_are_refused(project):
    (project.processed("discs") / "summary.json").unlink()
    with pytest.raises(DataError, match="mrigen slices discs"):
        plan_study(project, "unet")
