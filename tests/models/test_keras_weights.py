"""Networks read from Keras files answer as Keras does."""

import numpy as np
import pytest
import torch

from keras_files import KerasModel
from keras_networks import myronenko_cae, shallow, skip_cae, unet
from mrigen.errors import ModelError
from mrigen.models.build import build_network
from mrigen.models.keras_weights.reading import read_keras

SIZE = 16

# By what is special: the network's name, its Keras layers, and what must be read off the file.
CASES = {
    "shallow": ("shallow_residual_ae", shallow, {}, {"block": "full_pre", "doubled_norms": False}),
    "shallow, doubled norms": (
        "shallow_residual_ae",
        shallow,
        {"norms": 2, "base": 2},
        {"block": "full_pre", "doubled_norms": True, "base_channels": 2},
    ),
    "shallow, original block": (
        "shallow_residual_ae",
        shallow,
        {"block": "original"},
        {"block": "original", "doubled_norms": False},
    ),
    "shallow, original block, doubled norms, sums crossed": (
        "shallow_residual_ae",
        shallow,
        {"block": "original", "norms": 2, "crossed": True},
        {"block": "original", "doubled_norms": True},
    ),
    "residual U-Net": ("residual_unet", shallow, {"skips": True}, {"base_channels": 4, "depth": 3}),
    "residual U-Net, sums crossed": (
        "residual_unet",
        shallow,
        {"skips": True, "crossed": True, "base": 6},
        {"base_channels": 6},
    ),
    "skip CAE": ("skip_cae", skip_cae, {}, {"base_channels": 4, "depth": 3}),
    "skip CAE, sum crossed": ("skip_cae", skip_cae, {"crossed": True}, {}),
    "Myronenko": ("myronenko_cae", myronenko_cae, {}, {"base_channels": 2, "dropout": 0.25}),
    "U-Net": ("unet", unet, {}, {"depth": 2, "dropout": 0.5, "paired_output": True}),
    "U-Net, direct output": ("unet", unet, {"paired": False}, {"paired_output": False}),
}


def images(size: int = SIZE) -> np.ndarray:
    return np.random.default_rng(1).random((3, size, size, 1))


def written(path, build, *, size=SIZE, regularised=False, **words):
    model = KerasModel(images(size), regularised=regularised)
    output = build(model, **words)
    return model.save(path / "net.h5", output), output.values


def as_keras(network, values):
    """Ask a network in Keras' layout."""
    batch = torch.from_numpy(values.astype(np.float32)).permute(0, 3, 1, 2)
    with torch.inference_mode():
        return network(batch).permute(0, 2, 3, 1).numpy()


@pytest.mark.parametrize("case", CASES)
def test_answers_as_keras_does(tmp_path, case):
    name, build, words, known = CASES[case]
    path, expected = written(tmp_path, build, **words)
    read = read_keras(path, name)
    assert expected.std() > 1e-3  # else any constant would do
    np.testing.assert_allclose(as_keras(read.network, images()), expected, atol=1e-5)
    assert read.image_size == SIZE
    assert read.keras_version == "2.4.0"
    assert known.items() <= read.config.model_dump().items()


@pytest.mark.parametrize("batch", [1, 2])
def test_answers_at_other_batch_sizes(tmp_path, batch):
    path, expected = written(tmp_path, skip_cae)
    answer = as_keras(read_keras(path, "skip_cae").network, images()[:batch])
    np.testing.assert_allclose(answer, expected[:batch], atol=1e-5)


def test_reads_other_sizes_and_regularised_kernels(tmp_path):
    path, expected = written(tmp_path, skip_cae, size=24, base=2, regularised=True)
    read = read_keras(path, "skip_cae")
    assert (read.image_size, read.config.base_channels) == (24, 2)
    np.testing.assert_allclose(as_keras(read.network, images(24)), expected, atol=1e-5)


def test_a_file_for_any_size_becomes_a_network_of_the_studys(tmp_path):
    model = KerasModel(images())
    output = skip_cae(model)
    model.layers[0]["config"]["batch_input_shape"] = [None, None, None, 1]
    path = model.save(tmp_path / "net.h5", output)
    assert read_keras(path, "skip_cae").image_size == 128


def test_names_the_layer_behind_each_module(tmp_path):
    path, _ = written(tmp_path, skip_cae)
    layers = read_keras(path, "skip_cae").layers
    assert layers["encoder.0.0"] == "conv2d_1"
    assert layers["encoder.0.1"] == "batchnormalization_2"
    assert len(set(layers.values())) == len(layers) == 13


def test_the_network_can_be_trained_and_leaves_the_random_state_alone(tmp_path):
    path, _ = written(tmp_path, skip_cae)
    before = torch.get_rng_state()
    network = read_keras(path, "skip_cae").network
    assert torch.equal(torch.get_rng_state(), before)
    assert not network.training
    network.train()(torch.rand(2, 1, SIZE, SIZE)).sum().backward()
    assert all(weight.grad is not None for weight in network.parameters())


def test_the_network_is_the_one_that_its_configuration_makes(tmp_path):
    path, _ = written(tmp_path, shallow, norms=2)
    read = read_keras(path, "shallow_residual_ae")
    own, fresh = read.network.state_dict(), build_network(read.config, 16).state_dict()
    assert {key: value.shape for key, value in own.items()} == {
        key: value.shape for key, value in fresh.items()
    }


def test_reads_the_calls_of_keras_3(tmp_path):
    model = KerasModel(images())
    output = skip_cae(model)
    for layer in model.layers:
        for place, call in enumerate(layer["inbound_nodes"]):
            tensors = [
                {"class_name": "__keras_tensor__", "config": {"keras_history": entry[:3]}}
                for entry in call
            ]
            args = tensors if len(tensors) == 1 else [tensors]
            layer["inbound_nodes"][place] = {"args": args, "kwargs": {"mask": None}}
        layer["config"]["dtype"] = {"class_name": "DTypePolicy", "config": {"name": "float32"}}
    plan = model.plan(output)
    plan["config"]["output_layers"] = [output.layer, 0, 0]
    path = model.save(tmp_path / "net.h5", output, plan)
    answer = as_keras(read_keras(path, "skip_cae").network, images())
    np.testing.assert_allclose(answer, output.values, atol=1e-5)


def test_says_which_network_a_file_is(tmp_path):
    path, _ = written(tmp_path, shallow, skips=True)
    with pytest.raises(ModelError, match=r"'net.h5' is not a 'skip_cae': .*a 'residual_unet'"):
        read_keras(path, "skip_cae")
    with pytest.raises(ModelError, match=r"not a 'unet': its 'depth' would be 0\. It is a 'res"):
        read_keras(path, "unet")


def test_refuses_other_names(tmp_path):
    with pytest.raises(ModelError, match="'vae' cannot be read from Keras files: expected one of"):
        read_keras(tmp_path / "net.h5", "vae")
