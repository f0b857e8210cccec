"""Keras files that hold another model, by mistake or on purpose: one sentence each."""

import json
import re

import h5py
import numpy as np
import pytest

from keras_files import KerasModel
from keras_networks import skip_cae
from keras_refused import good_file, in_this_process, refusal
from mrigen.errors import ModelError
from mrigen.models.keras_weights.reading import read_keras


@pytest.fixture(autouse=True)
def here():
    with in_this_process():
        yield


@pytest.fixture
def model():
    return KerasModel(np.zeros((1, 16, 16, 1)))


@pytest.fixture
def path(tmp_path):
    return good_file(tmp_path)


def change_plan(path, change):
    with h5py.File(path, "r+") as file:
        file.attrs["model_config"] = json.dumps(change(json.loads(file.attrs["model_config"])))


def change_layer(path, name, change):
    def in_plan(plan):
        layers = {layer["config"]["name"]: layer for layer in plan["config"]["layers"]}
        change(layers[name])
        return plan

    change_plan(path, in_plan)


# What decides the function: layer, setting, another value, words of the refusal.
SETTINGS = [
    ("conv2d_1", "strides", [1, 1], r"'conv2d_1' has strides \(1, 1\), not \(2, 2\)"),
    ("conv2d_1", "padding", "valid", "'conv2d_1' has padding valid, not same"),
    ("conv2d_1", "dilation_rate", [2, 2], r"has dilation_rate \(2, 2\), not \(1, 1\)"),
    ("conv2d_1", "groups", 2, "has groups 2, not 1"),
    ("conv2d_1", "use_bias", False, "has use_bias False, not True"),
    ("conv2d_1", "data_format", "channels_first", "has data_format channels_first"),
    ("conv2d_1", "dtype", "float16", "layer 'conv2d_1' of 'net.h5' computes in float16"),
    ("relu_3", "dtype", "float16", "layer 'relu_3' of 'net.h5' computes in float16"),
    ("add_12", "dtype", {"config": {"name": "mixed_float16"}}, "computes in mixed_float16: exp"),
    ("conv2d_1", "activation", "tanh", "'conv2d_1' is tanh, not Conv2D"),
    ("conv2dtranspose_10", "kernel_size", [5, 5], r"has kernel_size \(5, 5\), not \(3, 3\)"),
    ("conv2dtranspose_10", "output_padding", [1, 1], r"has output_padding \[1, 1\], not None"),
    ("batchnormalization_2", "epsilon", 1e-5, "has epsilon 1e-05, not 0.001"),
    ("batchnormalization_2", "axis", [1], "has axis 1, not 3"),
    ("batchnormalization_2", "scale", False, "has scale False, not True"),
    ("relu_3", "max_value", 6, "'relu_3' has max_value 6, not None"),
    ("relu_3", "negative_slope", 0.3, r"'relu_3' has negative_slope 0\.3, not 0\.0"),
    ("conv2d_4", "filters", 9, "'conv2d_4' has filters 9, not 8"),
    ("conv2d_1", "filters", 3, "its 'base_channels' would be 3"),
    ("conv2d_1", "filters", 10**30, "its 'base_channels' would be 1000"),
    ("conv2d_1", "strides", "two", "'conv2d_1' of 'net.h5' is described in a way"),
    ("inputlayer_0", "batch_input_shape", [None, 16, 16, 3], r"\(16, 16, 3\): expected"),
    ("inputlayer_0", "batch_input_shape", [None, 16, 24, 1], r"\(16, 24, 1\): expected"),
    ("inputlayer_0", "batch_input_shape", [None, 20, 20, 1], "multiple of 8"),
    ("inputlayer_0", "batch_input_shape", [None, -8, -8, 1], "described in a way"),
    ("inputlayer_0", "batch_input_shape", [None, 8192, 8192, 1], "the same, at most 4096, and"),
    ("conv2d_1", "padding", "\x1b[31mred\ud800", "has padding \N{REPLACEMENT CHARACTER}.31mred"),
]


@pytest.mark.parametrize(("layer", "key", "value", "words"), SETTINGS)
def test_refuses_another_function(path, layer, key, value, words):
    change_layer(path, layer, lambda values: values["config"].update({key: value}))
    sentence = refusal(path)
    assert re.search(words, sentence)
    assert sentence.isprintable()


@pytest.mark.parametrize(
    "kind", ["Lambda", "TFOpLambda", "Dense", "LeakyReLU", "Functional", "Custom>Layer", None, [1]]
)
def test_refuses_layers_that_are_not_understood_by_name(path, kind):
    change_layer(path, "relu_3", lambda values: values.update(class_name=kind))
    assert f"layer 'relu_3' of 'net.h5' is a {kind}: expected only Activation" in refusal(path)


WIRES = {
    "another layer": ([[["inputlayer_0", 0, 0, {}]]], "'inputlayer_0' is InputLayer, not Batch"),
    "none": ([], "'relu_3' of 'net.h5' is described"),
    "two": ([[["batchnormalization_2", 0, 0, {}]] * 2], "'relu_3' of 'net.h5' is described"),
    "twice": ([[["conv2d_1", 0, 0, {}]]] * 2, "'relu_3' of 'net.h5' is described"),
    "one that comes later": ([[["relu_9", 0, 0, {}]]], "takes a layer that does not come before"),
    "its second answer": ([[["batchnormalization_2", 0, 1, {}]]], "is described in a way"),
    "in training": ([[["batchnormalization_2", 0, 0, {"training": True}]]], "is described in a"),
    "words": ("batchnormalization_2", "is described in a way"),
    "numbers": ([[[1, 2, 3]]], "is described in a way"),
}


@pytest.mark.parametrize("wire", WIRES)
def test_refuses_other_connections(path, wire):
    calls, words = WIRES[wire]
    change_layer(path, "relu_3", lambda values: values.update(inbound_nodes=calls))
    assert words in refusal(path)


def test_refuses_a_layer_that_two_others_share(model, tmp_path):
    # Seen from its answer only, this sum looks like the network's own.
    first = model.norm(model.conv(model.input, 4, stride=2))
    second = model.norm(model.conv(model.relu(first), 8, stride=2))
    third = model.norm(model.conv(model.relu(second), 16, stride=2))
    x = model.relu(model.add(model.norm(model.up_conv(model.relu(third), 8)), second))
    own = model.norm(model.conv(model.input, 4, stride=2))
    x = model.relu(model.add(model.norm(model.up_conv(x, 4)), own))
    x = model.relu(model.norm(model.up_conv(x, 2)))
    path = model.save(tmp_path / "net.h5", model.conv(x, 1, activation="sigmoid"))
    assert "is connected otherwise" in refusal(path)


def test_refuses_layers_beyond_the_networks(model, tmp_path):
    output = skip_cae(model)
    model.relu(model.input)
    assert "'relu_23' (relu) has no counterpart" in refusal(model.save(tmp_path / "a.h5", output))


def test_tells_the_first_differences_and_counts_the_rest(path):
    for number in (2, 5, 8, 11, 15, 19):
        norm = f"batchnormalization_{number}"
        change_layer(path, norm, lambda values: values["config"].update(epsilon=1e-4))
    sentence = refusal(path)
    assert sentence.count("has epsilon 0.0001, not 0.001") == 3
    assert " and 3 more." in sentence


PLANS = {
    "a sequential model": (lambda plan: {**plan, "class_name": "Sequential"}, "a Sequential model"),
    "a nameless model": (lambda plan: {**plan, "class_name": [1]}, "holds a [1] model"),
    "a list": (lambda plan: [plan], "'model_config' of 'net.h5' is list: expected a block"),
    "no layers": (lambda plan: {**plan, "config": {}}, "no usable list of layers"),
    "too many layers": (
        lambda plan: {**plan, "config": {"layers": plan["config"]["layers"] * 100}},
        "no usable list of layers",
    ),
    "layers twice": (
        lambda plan: {**plan, "config": {"layers": plan["config"]["layers"] * 2}},
        "two layers 'inputlayer_0'",
    ),
    "layers of text": (lambda plan: {**plan, "config": {"layers": ["x"]}}, "a layer of 'net.h5'"),
    "no output": (
        lambda plan: {**plan, "config": {**plan["config"], "output_layers": []}},
        "answers []: expected one output",
    ),
    "a strange output": (
        lambda plan: {**plan, "config": {**plan["config"], "output_layers": [["x", 0, 0]]}},
        "expected one output, of a layer in the file",
    ),
    "an output that is none": (
        lambda plan: {**plan, "config": {**plan["config"], "output_layers": [[1]]}},
        "expected one output, of a layer in the file",
    ),
}


@pytest.mark.parametrize("case", PLANS)
def test_refuses_other_models(path, case):
    change, words = PLANS[case]
    change_plan(path, change)
    assert words in refusal(path)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "is not readable JSON"),
        ("[" * 200_000, "is not readable JSON"),
        ('{"a":' * 100_000 + "1" + "}" * 100_000, "is not readable JSON"),
        ("9" * 10_000, "is not readable JSON"),
        ("{}", "holds a None model"),
        ('{"class_name": "Functional", "config": 3}', "the model of 'net.h5' is int"),
    ],
)
def test_refuses_descriptions_that_are_none(path, text, words):
    with h5py.File(path, "r+") as file:
        file.attrs["model_config"] = text
    assert words in refusal(path)


@pytest.mark.parametrize("value", [None, 3, ["a", "b"], np.zeros(4), h5py.Empty("S10")])
def test_refuses_a_file_of_weights_alone(path, value):
    with h5py.File(path, "r+") as file:
        del file.attrs["model_config"]
        if value is not None:
            file.attrs["model_config"] = value
    assert "has no 'model_config': expected a whole model" in refusal(path)


STRANGE = [None, -1, 2, 3.5, float("nan"), 10**30, "", "x", "relu", [], {}, [[]], [None], True]


def places(value, *way):
    """Yield the way to every value inside of `value`."""
    lists = enumerate(value) if isinstance(value, list) else ()
    for key, each in value.items() if isinstance(value, dict) else lists:
        yield (*way, key)
        yield from places(each, *way, key)


@pytest.mark.parametrize("seed", range(60))
def test_no_strange_value_breaks_the_reader(path, seed):
    rng = np.random.default_rng(seed)

    def spoil(plan):
        ways = list(places(plan))
        *way, last = ways[rng.integers(len(ways))]
        inside = plan
        for key in way:
            inside = inside[key]
        inside[last] = STRANGE[rng.integers(len(STRANGE))]
        return plan

    change_plan(path, spoil)
    try:
        read_keras(path, "skip_cae")  # what does not change the answer is no problem
    except ModelError as error:
        assert "net.h5" in str(error)  # noqa: PT017 - either outcome will do
