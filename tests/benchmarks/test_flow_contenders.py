import doctest

import flow_contenders
import pytest
import yaml
from flow_contenders import R3GAN, RIVALS, contenders, entry_config, with_epochs

from mrigen.errors import ConfigError


def test_examples():
    assert doctest.testmod(flow_contenders).failed == 0


def test_rivals_have_the_networks_of_the_demo_and_the_slices_of_the_comparison():
    demo = yaml.safe_load((flow_contenders.REPOSITORY / "params.yaml").read_text())["models"]
    found = contenders("real_heads", flow=None, seed=7)
    for name in RIVALS:
        config = found[name]
        assert config.network.model_dump().items() >= _plain(demo[name]["network"]).items()
        assert (config.dataset, config.corruption, config.training.seed) == ("real_heads", None, 7)


def _plain(network):
    return {key: value for key, value in network.items() if not isinstance(value, dict)}


def test_generators_of_the_study_are_trained_as_it_trained_them():
    found = contenders("heads", flow=None, seed=0)
    for name, depth in (("feliu_gan4", 4), ("feliu_gan7", 7), ("feliu_gan15", 15)):
        config = found[name]
        assert (config.network.depth, config.network.normalisation) == (depth, "batch")
        assert (config.objective.loss, config.objective.r1_weight) == ("non_saturating", 0)
        assert config.objective.simultaneous
        assert (config.training.batch_size, config.training.learning_rate) == (256, 1e-4)


def test_one_step_contender_plays_the_game_of_r3gan():
    config = contenders("heads", flow=None, seed=0)["r3gan"]
    assert config.objective.loss == "relativistic"
    assert config.objective.r1_weight > 0
    assert config.objective.r2_weight > 0
    assert config.network.normalisation == "none"


def test_entries_of_a_file_take_the_place_of_those_of_the_demo_or_come_beside_them(tmp_path):
    narrow, wide = ({"name": "flow", "base_channels": width} for width in (16, 32))
    objective = {"name": "flow_matching"}
    entries = {
        "flow": {"network": narrow, "objective": objective, "training": {"epochs": 2}},
        "flow_wide": {"network": wide, "objective": objective},
    }
    (tmp_path / "flow.yaml").write_text(yaml.safe_dump(entries))
    found = contenders("heads", flow=tmp_path / "flow.yaml", seed=0)
    assert found["flow"].network.base_channels == 16
    assert found["flow_wide"].network.base_channels == 32
    assert set(RIVALS) < set(found)


def test_an_entry_that_is_none_is_refused_by_its_name():
    with pytest.raises(ConfigError, match="flow_odd"):
        entry_config("flow_odd", {"network": {"name": "flow"}}, "heads", 0)


def test_number_of_epochs_is_all_that_a_budget_changes():
    config = entry_config("r3gan", R3GAN, "heads", 0)
    before, after = config.section, with_epochs(config, 123).section
    assert after["training"].pop("epochs") == 123
    before["training"].pop("epochs")
    assert before == after
