"""The space of a search: conditions, corners, drawing, and what tells spaces apart."""

from pathlib import Path

import optuna
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mrigen.config import parse_config, read_yaml
from mrigen.errors import ConfigError
from mrigen.model_config import ModelConfig
from mrigen.project import load_project
from mrigen.tuning.config import SearchConfig
from mrigen.tuning.parameter import same, shortened
from mrigen.tuning.paths import with_parameters
from mrigen.tuning.space import (
    corners,
    distributions_of,
    exists,
    in_order,
    parameters_of,
    suggest,
)

SHIPPED = Path(__file__).parents[2]

RATE = "training.learning_rate"
SIZE = "network.latent_size"
DEPTH = "network.depth"
KIND = "network.sampling.name"
COUNT = "network.sampling.components"

# The last stands before what it waits for.
SPACE = {
    COUNT: {"integer": [4, 32], "log": True, "when": {KIND: "mixture"}},
    RATE: {"float": [3e-4, 1e-2], "log": True},
    SIZE: {"integer": [16, 96], "step": 16},
    DEPTH: {"choice": [3, 4]},
    KIND: {"choice": ["prior", "mixture"]},
}
OBJECTIVES = ["frechet_distance"]


def search(parameters, **others):
    return SearchConfig.model_validate({"parameters": parameters, **others})


@pytest.fixture(scope="module")
def shipped():
    return load_project(SHIPPED).params.models


@pytest.fixture(scope="module")
def written():
    return read_yaml(SHIPPED / "params.yaml")["models"]["vae"]


def vae(written, search=SPACE, *, sampling=None, **changes):
    """The demo's vae with another search, and with other values by path."""
    values = with_parameters(written, changes) | {"search": {"parameters": search}}
    if sampling is not None:
        values["network"] = values["network"] | {"sampling": sampling}
    return parse_config(ModelConfig, values, source="vae")


def drawn(space, seed, *, rounded):
    sampler = optuna.samplers.RandomSampler(seed)
    return suggest(space, optuna.create_study(sampler=sampler).ask(), rounded=rounded)


def test_parameters_come_after_their_conditions_and_else_as_written():
    assert in_order(search(SPACE)) == [RATE, SIZE, DEPTH, KIND, COUNT]


def test_a_circle_of_conditions_has_no_order():
    circle = {
        "network.a": {"choice": [1, 2], "when": {"network.b": 1}},
        "network.b": {"choice": [1, 2], "when": {"network.a": 1}},
    }
    with pytest.raises(ConfigError, match=r"'network\.a' and 'network\.b' go in a circle"):
        in_order(search(circle))


def test_corners_take_each_end_and_each_choice():
    found = corners(search(SPACE))
    taken = {path: {corner[path] for corner in found if path in corner} for path in SPACE}
    assert taken == {
        RATE: {3e-4, 1e-2},
        SIZE: {16, 96},
        DEPTH: {3, 4},
        KIND: {"prior", "mixture"},
        COUNT: {4, 32},
    }
    assert all((COUNT in corner) == (corner[KIND] == "mixture") for corner in found)
    assert len(found) == len({tuple(corner.items()) for corner in found})


def test_corners_follow_a_chain_of_conditions():
    chain = {
        "network.a": {"choice": [1, 2, 3]},
        "network.b": {"choice": ["x", "y"], "when": {"network.a": [2, 3]}},
        "network.c": {"integer": [5, 6], "when": {"network.b": "y", "network.a": [1, 3]}},
    }
    found = corners(search(chain))
    assert {"network.a": 3, "network.b": "y", "network.c": 6} in found
    assert {corner.get("network.c") for corner in found} == {None, 5, 6}


@settings(max_examples=30)
@given(st.integers(0, 2**31))
def test_what_is_drawn_exists_and_reads_back_as_written(seed):
    space = search(SPACE)
    params = drawn(space, seed, rounded=True)
    assert (COUNT in params) == (params[KIND] == "mixture")
    assert len(f"{params[RATE]:g}".lstrip("0.")) <= 6
    # Rounding changes nothing that is rounded already, and what is given is left alone.
    study = optuna.create_study()
    study.enqueue_trial(params)
    assert suggest(space, study.ask(), rounded=True) == params
    distributions = distributions_of(space, params)
    optuna.create_trial(params=params, distributions=distributions, value=1.0)


def test_a_given_value_is_never_rounded():
    params = {RATE: 0.0012345678, SIZE: 48, DEPTH: 4, KIND: "prior"}
    assert suggest(search(SPACE), optuna.trial.FixedTrial(params)) == params


@pytest.mark.parametrize(
    ("parameter", "step"),
    [
        ({"float": [0.0, 0.3], "step": 0.1}, 0.1),
        ({"float": [0.05, 0.25], "step": 0.05}, 0.05),
        ({"float": [0.999, 0.9999]}, None),
        ({"float": [-1000.0, 1e6]}, None),
        ({"float": [0.999, 0.9999], "log": True}, None),
    ],
)
def test_drawn_numbers_are_short_inside_the_range_and_differ(parameter, step):
    space = search({"network.x": parameter})
    low, high = parameter["float"]
    values = [drawn(space, seed, rounded=True)["network.x"] for seed in range(40)]
    assert all(low <= value <= high for value in values)
    assert all(len(repr(value)) <= 10 for value in values)
    if step is None:
        assert len(set(values)) > 30
    else:
        assert all(value == round(value, 2) for value in values)
        assert len(set(values)) == round((high - low) / step) + 1


@pytest.mark.parametrize("end", [0, 1])
def test_rounding_stays_inside_the_range(end):
    parameter = search({"network.x": {"float": [1.23456e-4, 0.9876543]}}).parameters["network.x"]
    assert shortened(parameter, parameter.bounds[end]) == parameter.bounds[end]


def test_true_is_not_one():
    assert same(1, 1.0)
    assert not same(1, True)


def test_the_section_says_its_own_parameters(written):
    model = vae(written)
    assert parameters_of(model.section, model.search) == (
        {RATE: 0.001, SIZE: 48, DEPTH: 4, KIND: "mixture", COUNT: 16},
        None,
    )
    prior = vae(written, sampling={"name": "prior"})
    found, _ = parameters_of(prior.section, prior.search)
    assert found == {RATE: 0.001, SIZE: 48, DEPTH: 4, KIND: "prior"}


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({RATE: 0.02}, "'training.learning_rate' is 0.02, outside [0.0003, 0.01]"),
        ({SIZE: 50}, "'network.latent_size' is 50, outside [16, 96] in steps of 16"),
        ({DEPTH: 2}, "'network.depth' is 2, outside the choices 3, 4"),
        ({COUNT: 40}, "'network.sampling.components' is 40, outside [4, 32]"),
    ],
)
def test_a_section_outside_the_space_says_why(written, changes, why):
    model = vae(written, **changes)
    assert parameters_of(model.section, model.search) == (None, why)


def test_a_word_lies_in_no_range(written):
    model = vae(written, {"objective.noise_std": {"float": [0.1, 1.0]}})
    assert parameters_of(model.section, model.search)[1] == (
        "'objective.noise_std' is 'optimal', outside [0.1, 1]"
    )


def test_a_number_takes_the_form_that_its_choice_has(written):
    model = vae(written, {RATE: {"choice": [1, 0.5]}}, **{RATE: 1.0})
    params, _ = parameters_of(model.section, model.search)
    assert isinstance(params[RATE], int)


def test_another_kind_of_block_takes_its_own_defaults(written):
    model = vae(written, **{COUNT: 9})
    assert model.with_parameters({KIND: "prior"}).network.sampling.model_dump() == {"name": "prior"}
    again = model.with_parameters({KIND: "prior"}).with_parameters({KIND: "mixture"})
    assert again.network.sampling.components == 16
    assert model.with_parameters({KIND: "mixture"}).network.sampling.components == 9
    # The kind comes first, wherever it stands.
    both = vae(written, sampling={"name": "prior"}).with_parameters({COUNT: 5, KIND: "mixture"})
    assert both.network.sampling.components == 5


def test_the_places_of_a_list_are_numbers(written):
    model = vae(written).with_parameters({"training.betas.0": 0.5})
    assert model.training.betas == (0.5, 0.999)


def test_parameters_leave_the_rest_as_it_is(written):
    model = vae(written)
    section = model.section
    changed = model.with_parameters({RATE: 0.002})
    assert model.section == section
    assert changed.search == model.search
    assert changed.section == with_parameters(section, {RATE: 0.002})


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({DEPTH: 9}, "the parameters of a trial: 'network.depth' is 9: expected less than or"),
        ({"network.depht": 3}, "the parameters of a trial: 'network.depht' is not a known key"),
        ({"training.betas.2": 0.5}, r"the parameter 'training\.betas\.2' has no place in"),
        ({"training.clip_norm.x": 0.5}, r"the parameter 'training\.clip_norm\.x' has no place in"),
    ],
)
def test_parameters_that_do_not_fit_are_refused(written, params, words):
    with pytest.raises(ConfigError, match=f"^{words}"):
        vae(written).with_parameters(params)


def test_found_values_written_into_the_section_keep_the_space(written):
    model = vae(written)
    name = model.space_hash(OBJECTIVES)
    for corner in corners(model.search):
        assert model.with_parameters(corner).space_hash(OBJECTIVES) == name


@pytest.mark.parametrize(
    "changes",
    [
        {"training.epochs": 39},
        {"training.batch_size": 16},
        {"training.seed": 1},
        {"network.base_channels": 8},
        {"objective.kl_weight": 2.0},
    ],
)
def test_anything_fixed_that_decides_the_weights_makes_another_space(written, changes):
    assert vae(written, **changes).space_hash(OBJECTIVES) != vae(written).space_hash(OBJECTIVES)


def test_a_fixed_key_of_a_searched_kind_makes_another_space(written):
    kinds = {KIND: SPACE[KIND]}
    names = {vae(written, kinds, **{COUNT: count}).space_hash(OBJECTIVES) for count in (16, 9)}
    assert len(names) == 2
    # What a kind would have by default is no other space.
    prior = vae(written, kinds, sampling={"name": "prior"})
    assert prior.space_hash(OBJECTIVES) in names


def test_the_search_and_its_objectives_make_the_space(written):
    model = vae(written)
    wider = vae(written, SPACE | {RATE: {"float": [3e-4, 2e-2], "log": True}})
    named = {model.space_hash(OBJECTIVES), wider.space_hash(OBJECTIVES)}
    named.add(model.space_hash([*OBJECTIVES, "seconds"]))
    assert len(named) == 3


def test_judging_does_not_make_the_space(written):
    model = vae(written)
    judged = model.model_copy(update={"gate": model.gate.model_validate({})})
    assert judged.space_hash(OBJECTIVES) == model.space_hash(OBJECTIVES)


def test_distances_between_other_features_make_another_space(written):
    model = vae(written)
    extractors = [{"name": "inception", "weights": "inception.pth"}]
    evaluation = model.evaluation.model_validate({"extractors": extractors})
    other = model.model_copy(update={"evaluation": evaluation})
    assert other.space_hash(["frechet_distance"]) != model.space_hash(["frechet_distance"])
    assert other.space_hash(["dssim"]) == model.space_hash(["dssim"])


def test_without_a_search_there_is_no_space(written):
    model = parse_config(ModelConfig, written | {"search": None}, source="vae")
    with pytest.raises(ConfigError, match="no block 'search': expected one"):
        model.space_hash(OBJECTIVES)


def test_a_condition_may_name_several_values():
    space = search(
        {
            "network.a": {"choice": [1, 2, None]},
            "network.b": {"choice": [1, 2], "when": {"network.a": [1, None]}},
        }
    )
    parameter = space.parameters["network.b"]
    states = [exists(parameter, {"network.a": value}) for value in (1, 2, None)]
    assert states == [True, False, True]
    assert not exists(parameter, {})


def test_every_model_of_the_demo_starts_from_its_baseline(shipped):
    for name, model in shipped.items():
        params, why = parameters_of(model.section, model.search)
        assert why is None, name
        assert RATE in params, name
