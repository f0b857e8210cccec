"""Search blocks of params.yaml: each slip is told by its key, its value and what was expected."""

from pathlib import Path

import pytest
import yaml

from mrigen.config import parse_config, read_yaml
from mrigen.errors import ConfigError
from mrigen.project import Params

SHIPPED = Path(__file__).parents[2] / "params.yaml"

RATE = "training.learning_rate"
SIZE = "network.latent_size"
DEPTH = "network.depth"
BASE = "network.base_channels"
KIND = "network.sampling.name"
COUNT = "network.sampling.components"
KINDS = f"{KIND}: {{choice: [prior, mixture]}}"


def parsed(search):
    """The search of the demo's vae, as written in YAML in place of its own."""
    values = read_yaml(SHIPPED)
    values["models"]["vae"]["search"] = yaml.safe_load(search)
    return parse_config(Params, values, source="params.yaml").models["vae"].search


def of(*parameters):
    return f"parameters: {{{', '.join(parameters)}}}"


def refusal(search):
    with pytest.raises(ConfigError, match=r"^params\.yaml: 'models\.vae\.search") as caught:
        parsed(search)
    text = str(caught.value).removeprefix("params.yaml: 'models.vae.search.")
    assert len(text) < 500
    assert "\n" not in text
    return text


@pytest.mark.parametrize(
    ("search", "words"),
    [
        ("{}", "parameters' is missing."),
        ("{parameters: {}}", "parameters' has too few entries: expected at least 1."),
        (
            f"paramters: {{{KINDS}}}",
            "parameters' is missing; 'models.vae.search.paramters'",
        ),
        (f"score: fid\n{of(KINDS)}", "score' is 'fid': expected 'frechet_distance', 'kernel"),
        (f"samples: 2\n{of(KINDS)}", "samples' is 2: expected greater than or equal to 16."),
        (f"seed: true\n{of(KINDS)}", "seed' is 'true': expected a valid integer"),
        (
            f"pruning: {{first_epoch: 50}}\n{of(KINDS)}",
            "pruning.first_epoch' is 50: expected at most 40, the epochs of the model's training.",
        ),
    ],
)
def test_a_slip_beside_the_parameters_is_told(search, words):
    assert refusal(search).startswith(words)


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("learning_rate", "cannot be searched: did you mean 'training.learning_rate'?"),
        ("trainig.learning_rate", "cannot be searched: did you mean 'training.learning_rate'?"),
        ("training.learning_rat", "is not a key of the model: did you mean 'training.learning_"),
        ("training..epsilon", "is not a key of the model: did you mean 'training.epsilon'?"),
        ("Network.Depth", "cannot be searched: did you mean 'network.depth'?"),
        ("corruption.0.factor", "cannot be searched: expected a path into 'network', 'objective"),
        ("network.zzz", "is not a key of the model: remove it."),
        ("network.name", "cannot be searched, as another network is another model"),
        ("objective.name", "cannot be searched, as another objective is another model"),
        ("training.epochs", "cannot be searched, as pruning compares trials of equal length"),
        ("training.seed", "cannot be searched, as a lucky seed is no better setting: remove"),
        ("training.betas", "is no single value: expected one in it, of 'training.betas.0', 'tra"),
        ("training.betas.2", "is not a key of the model: did you mean 'training.betas.1'?"),
        ("training.betas.00", "is not a key of the model: did you mean 'training.betas.0'?"),
        ("network", "is no single value: expected one in it, of 'network.name', 'network.latent"),
        (
            "training.early_stopping.patience",
            "cannot be searched, as 'training.early_stopping' of the model is null: expected",
        ),
    ],
)
def test_a_path_that_is_not_searched_is_told(path, words):
    key = f"parameters.{path}' "
    assert refusal(of(f"{path}: {{choice: [1, 2]}}")).startswith(key + words)


def test_a_long_path_is_told_in_short():
    assert "parameters.xxx" in refusal(of(f"{'x' * 1000}: {{choice: [1, 2]}}"))


@pytest.mark.parametrize(
    ("parameter", "words"),
    [
        (f"{RATE}: [0.001, 0.01]", f"{RATE}' is [0.001, 0.01]: expected a block of keys."),
        (f"{RATE}: {{}}", f"{RATE}' is {{}}: expected exactly one of 'float', 'integer' and"),
        (f"{RATE}: {{log: true}}", f"{RATE}' is {{'log': True}}: expected exactly one of 'float'"),
        (
            f"{RATE}: {{float: [0.1, 0.2], choice: [0.1, 0.2]}}",
            f"{RATE}' is {{'float': [0.1, 0.2], 'choice': [0.1, 0.2]}}: expected exactly one of",
        ),
        (f"{RATE}: {{flaot: [0, 1]}}", f"{RATE}.flaot' is not a known key: did you mean 'float'?"),
        (f"{RATE}: {{float: [0.1]}}", f"{RATE}.float' is [0.1]: expected [low, high]."),
        (f"{RATE}: {{float: [1, 2, 3]}}", f"{RATE}.float' is [1, 2, 3]: expected [low, high]."),
        (f"{RATE}: {{float: [0.2, 0.1]}}", f"{RATE}.float' is [0.2, 0.1]: expected [low, high] w"),
        (f"{RATE}: {{float: [0.1, 0.1]}}", f"{RATE}.float' is [0.1, 0.1]: expected [low, high] w"),
        (f"{SIZE}: {{integer: [9, 8]}}", f"{SIZE}.integer' is [9, 8]: expected [low, high] with"),
        (f"{RATE}: {{float: [false, 1]}}", f"{RATE}.float.0' is 'false': expected a valid number"),
        (f"{RATE}: {{float: [0.1, .inf]}}", f"{RATE}.float.1' is inf: expected a finite number."),
        (
            f"{RATE}: {{float: [0, 0.1], log: true}}",
            f"{RATE}' is {{'float': [0, 0.1], 'log': True}}: expected a range above 0 for 'log'.",
        ),
        (
            f"{RATE}: {{float: [0.1, 0.2], log: true, step: 0.1}}",
            f"{RATE}' is {{'float': [0.1, 0.2], 'log': True, 'step': 0.1}}: expected either",
        ),
        (
            f"{SIZE}: {{integer: [16, 96], step: 15}}",
            f"{SIZE}' is {{'integer': [16, 96], 'step': 15}}: expected a 'step' that leads from",
        ),
        (
            f"{SIZE}: {{integer: [16, 96], step: 1.5}}",
            f"{SIZE}' is {{'integer': [16, 96], 'step': 1.5}}: expected a whole number as the",
        ),
        (f"{SIZE}: {{integer: [16, 96], step: 0}}", f"{SIZE}.step' is 0: expected greater than 0"),
        (f"{SIZE}: {{integer: [1.5, 9]}}", f"{SIZE}.integer.0' is 1.5: expected a valid integer"),
        (f"{DEPTH}: {{choice: [3]}}", f"{DEPTH}.choice' has too few entries: expected at least 2"),
        (f"{DEPTH}: {{choice: [3, 3]}}", f"{DEPTH}.choice' is [3, 3]: expected each choice once"),
        (f"{DEPTH}: {{choice: [1, true]}}", f"{DEPTH}.choice' is [1, True]: expected each choice"),
        (
            f"{DEPTH}: {{choice: [3, 4], log: true}}",
            f"{DEPTH}' is {{'choice': [3, 4], 'log': True}}: expected 'log' and 'step' with a",
        ),
        (f"{DEPTH}: {{choice: [[3], 4]}}", f"{DEPTH}.choice.0' is [3]: expected a single value:"),
        (f"{RATE}: {{choice: [.nan, 1]}}", f"{RATE}.choice.0' is nan: expected a single value:"),
    ],
)
def test_a_range_or_choice_that_makes_no_sense_is_told(parameter, words):
    assert refusal(of(parameter)).startswith(f"parameters.{words}")


@pytest.mark.parametrize(
    ("parameter", "words"),
    [
        (f"{RATE}: {{float: [0.1, 2.0]}}", f"{RATE}.float' has 2.0: expected less than or equal"),
        (f"{RATE}: {{float: [0, 0.1]}}", f"{RATE}.float' has 0.0: expected greater than 0."),
        (f"{SIZE}: {{integer: [16, 5000]}}", f"{SIZE}.integer' has 5000: expected less than or"),
        (f"{DEPTH}: {{choice: [3, 9]}}", f"{DEPTH}.choice' has 9: expected less than or equal to"),
        (f"{DEPTH}: {{choice: [3, four]}}", f"{DEPTH}.choice' has 'four': expected a valid intege"),
        (f"{DEPTH}: {{choice: [3, 4.0]}}", f"{DEPTH}.choice' has 4.0, which the model would take"),
        (f"{RATE}: {{choice: ['0.1', 0.2]}}", f"{RATE}.choice' has '0.1', which the model would"),
        (f"{RATE}: {{choice: [0.1, true]}}", f"{RATE}.choice' has true: expected a valid number"),
        (f"{KIND}: {{choice: [prior, x]}}", f"{KIND}.choice' has 'x': expected 'prior', 'mixture'"),
        (
            f"{RATE}: {{integer: [0, 1]}}",
            f"{RATE}.integer' is of whole numbers, but '{RATE}' takes any: use 'float'.",
        ),
        (
            f"{SIZE}: {{float: [16.5, 96]}}",
            f"{SIZE}.float' is of any numbers, but '{SIZE}' takes whole ones: use 'integer'.",
        ),
        (
            "objective.noise_std: {integer: [1, 2]}",
            "objective.noise_std.integer' is of whole numbers, but 'objective.noise_std' takes any",
        ),
        (
            "training.plateau.factor: {float: [0.1, 0.5]}",
            "training.plateau.factor.float' has 0.1, with which 'training' is {",
        ),
        (
            "network.label_size: {choice: [0, 6]}",
            "network.label_size.choice' has 6, with which 'models.vae.network.label_size' is 6: e",
        ),
    ],
)
def test_values_that_the_model_cannot_take_are_told(parameter, words):
    assert refusal(of(parameter)).startswith(f"parameters.{words}")


def test_whole_numbers_between_the_bounds_are_looked_at():
    values = read_yaml(SHIPPED)
    block = {BASE: {"integer": [8, 12]}}  # where the network takes even numbers alone
    values["models"]["skip_cae"]["search"] = {"parameters": block}
    with pytest.raises(ConfigError, match=r"base_channels\.integer' has 9: expected a multiple of"):
        parse_config(Params, values, source="params.yaml")


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        (
            [f"{COUNT}: {{integer: [4, 9], when: {{{KIND}: mixture}}}}"],
            f"{COUNT}.when' names '{KIND}', which is not searched: search it, or remove it.",
        ),
        (
            [KINDS, f"{COUNT}: {{integer: [4, 9], when: {{network.sampling.nam: mixture}}}}"],
            f"{COUNT}.when' names 'network.sampling.nam', which is not searched: did you",
        ),
        (
            [KINDS, f"{COUNT}: {{integer: [4, 9], when: {{{KIND}: mixtur}}}}"],
            f"{COUNT}.when.{KIND}' is 'mixtur': expected one of 'prior', 'mixture'.",
        ),
        (
            [KINDS, f"{COUNT}: {{integer: [4, 9], when: {{{KIND}: []}}}}"],
            f"{COUNT}.when.{KIND}' is []: expected one of 'prior', 'mixture'.",
        ),
        (
            [
                f"{SIZE}: {{integer: [16, 96]}}",
                f"{DEPTH}: {{choice: [3, 4], when: {{{SIZE}: 16}}}}",
            ],
            f"{DEPTH}.when' names '{SIZE}', which is a range: expected a searched 'choice'.",
        ),
        (
            [KINDS, f"{COUNT}: {{integer: [4, 9]}}"],
            f"{COUNT}' exists with '{KIND}: mixture' alone: say so in its 'when'.",
        ),
        (
            [KINDS, f"{COUNT}: {{integer: [4, 9], when: {{{KIND}: prior}}}}"],
            f"{COUNT}' exists with '{KIND}: mixture' alone: say so in its 'when'.",
        ),
        (
            [
                f"{DEPTH}: {{choice: [3, 4]}}",
                f"{BASE}: {{choice: [8, 16], when: {{{DEPTH}: 3}}}}",
                f"{SIZE}: {{integer: [8, 16], when: {{{BASE}: 8, {DEPTH}: 4}}}}",
            ],
            f"{SIZE}' can never exist, as its conditions exclude one another: correct 'when'.",
        ),
    ],
)
def test_conditions_that_make_no_sense_are_told(parameters, words):
    assert refusal(of(*parameters)).startswith(f"parameters.{words}")


@pytest.mark.parametrize(
    ("parameters", "listed"),
    [
        ([f"{DEPTH}: {{choice: [3, 4], when: {{{DEPTH}: 3}}}}"], f"'{DEPTH}'"),
        (
            [
                f"{BASE}: {{choice: [8, 16], when: {{{DEPTH}: 3}}}}",
                f"{DEPTH}: {{choice: [3, 4], when: {{{BASE}: 8}}}}",
            ],
            f"'{BASE}' and '{DEPTH}'",
        ),
    ],
)
def test_conditions_in_a_circle_are_told(parameters, listed):
    words = f"parameters' cannot be drawn, as the conditions of {listed} go in a circle"
    assert refusal(of(*parameters)).startswith(words)


def test_parameters_that_fit_alone_and_not_together_are_told():
    values = read_yaml(SHIPPED)
    widths = {"network.code_prior.width": {"choice": [60, 64]}}
    widths["network.code_prior.heads"] = {"choice": [4, 8]}
    values["models"]["vqvae"]["search"] = {"parameters": widths}
    with pytest.raises(ConfigError, match=r"search\.parameters' do not fit together: with \{ .*60"):
        parse_config(Params, values, source="params.yaml")


@pytest.mark.parametrize(
    "parameter",
    [
        "training.betas.0: {float: [0.0, 0.99]}",
        "training.clip_norm: {choice: [null, 1.0, 10.0]}",
        "training.clip_norm: {float: [0.1, 10.0], log: true}",
        "training.schedule: {choice: [constant, cosine, plateau]}",
        "objective.noise_std: {choice: [optimal, learned, 0.1]}",
        "objective.noise_std: {float: [0.05, 0.5], log: true}",
        f"{RATE}: {{choice: [0.001, 1]}}",
    ],
)
def test_every_kind_of_value_can_be_searched(parameter):
    assert parsed(of(parameter)) is not None


def test_numbers_that_yaml_reads_as_text_are_numbers():
    found = parsed(of(f"{RATE}: {{choice: [1e-3, 2.5e-3]}}", f"{DEPTH}: {{choice: [3, 4]}}"))
    assert found.parameters[RATE].choice == (0.001, 0.0025)
    assert parsed(of(f"{RATE}: {{float: [1e-3, 1e-2]}}")).parameters[RATE].bounds == (0.001, 0.01)


def test_a_model_need_not_be_searched():
    assert parsed("null") is None
