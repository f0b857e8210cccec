"""Keras files whose weights are not what they should be, by mistake or on purpose."""

import re

import h5py
import numpy as np
import pytest

from keras_files import KerasModel
from keras_networks import myronenko_cae
from keras_refused import good_file, in_this_process, refusal
from mrigen.models.keras_weights.reading import read_keras

KERNEL = "model_weights/conv2d_1/conv2d_1/kernel:0"
VARIANCE = "model_weights/batchnormalization_2/batchnormalization_2/moving_variance:0"


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


def replace(path, name, **words):
    """Store a dataset of the same name in another way."""
    with h5py.File(path, "r+") as file:
        values = file[name][()]
        del file[name]
        file.create_dataset(name, **({"data": values} | words))


STORED = {
    "another shape": (
        {"data": np.zeros((3, 3, 1, 8), "f4")},
        "shape (3, 3, 1, 8), not (3, 3, 1, 4)",
    ),
    "huge": ({"data": None, "shape": (2**40,), "dtype": "f4"}, "shape (1099511627776,), not"),
    "none": ({"data": h5py.Empty("f4")}, "has shape None, not (3, 3, 1, 4)"),
    "half precision": ({"dtype": "f2"}, "holds float16, not float32"),
    "text": ({"data": np.full((3, 3, 1, 4), b"x")}, "holds |S1, not float32"),
    "compressed": ({"compression": "gzip"}, "is chunked, packed or in another file"),
    "chunked": ({"chunks": (1, 1, 1, 4)}, "is chunked, packed or in another file"),
    "never written": ({"data": None, "shape": (3, 3, 1, 4), "dtype": "f4"}, "has 0 bytes, not 144"),
}


@pytest.mark.parametrize("case", STORED)
def test_refuses_weights_stored_otherwise(path, case):
    words, expected = STORED[case]
    replace(path, KERNEL, **words)
    sentence = refusal(path)
    assert "the weights of 'net.h5' are not those of a 'skip_cae'" in sentence
    assert expected in sentence


def test_refuses_weights_in_another_file(path, tmp_path):
    secret = tmp_path / "secret"
    secret.write_bytes(bytes(144))
    external = [(str(secret), 0, 144)]
    replace(path, KERNEL, data=None, shape=(3, 3, 1, 4), dtype="f4", external=external)
    assert "is chunked, packed or in another file" in refusal(path)


def test_refuses_virtual_weights(path, tmp_path):
    other = path.with_name("other.h5")
    with h5py.File(other, "w") as file:
        file["x"] = np.zeros((3, 3, 1, 4), "f4")
    layout = h5py.VirtualLayout((3, 3, 1, 4), "f4")
    layout[:] = h5py.VirtualSource(other, "x", (3, 3, 1, 4))
    with h5py.File(path, "r+") as file:
        del file[KERNEL]
        file.create_virtual_dataset(KERNEL, layout)
    assert "is chunked, packed or in another file" in refusal(path)


@pytest.mark.parametrize("place", ["model_weights", "model_weights/conv2d_1", KERNEL])
@pytest.mark.parametrize("kind", ["soft", "external", "none"])
def test_follows_no_links(path, place, kind):
    other = path.with_name("other.h5")
    other.write_bytes(path.read_bytes())
    with h5py.File(path, "r+") as file:
        file.move(place, "aside")
        if kind == "soft":
            file[place] = h5py.SoftLink("/aside")
        elif kind == "external":
            file[place] = h5py.ExternalLink(str(other), place)
    assert f"'net.h5' has no '{place}', or only a link" in refusal(path)


@pytest.mark.parametrize(
    ("place", "words"),
    [
        ("model_weights/conv2d_1", "is a dataset: expected a group"),
        (KERNEL, "is a group: expected"),
    ],
)
def test_refuses_groups_for_weights_and_weights_for_groups(path, place, words):
    with h5py.File(path, "r+") as file:
        del file[place]
        if "dataset" in words.partition(":")[0]:
            file[place] = np.zeros(3)
        else:
            file.create_group(place)
    assert words in refusal(path)


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (None, "layer 'conv2d_1' of 'net.h5' has no list of weights"),
        (3, "has no list of weights"),
        ([b"x"] * 17, "has no list of weights"),
        ([b"conv2d_1/kernel:0"], "'conv2d_1' has weights kernel, not kernel, bias"),
        ([b"../../x/kernel:0", b"conv2d_1/bias:0"], "has no 'model_weights/conv2d_1/..'"),
        ([b"/kernel:0", b"conv2d_1/bias:0"], "has no 'model_weights/conv2d_1/'"),
        ([b"\xff/kernel:0", b"conv2d_1/bias:0"], "is not a readable HDF5 file"),
    ],
)
def test_refuses_other_lists_of_weights(path, names, words):
    with h5py.File(path, "r+") as file:
        attributes = file["model_weights/conv2d_1"].attrs
        del attributes["weight_names"]
        if names is not None:
            attributes["weight_names"] = names
    assert words in refusal(path)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_refuses_values_that_are_not_finite(path, value):
    with h5py.File(path, "r+") as file:
        file[KERNEL][0, 0, 0, 0] = value
    assert "'kernel' of layer 'conv2d_1' of 'net.h5' has values that are not finite" in refusal(
        path
    )


def test_refuses_negative_variances(path):
    with h5py.File(path, "r+") as file:
        file[VARIANCE][1] = -0.5
    assert (
        "'moving_variance' of layer 'batchnormalization_2' of 'net.h5' has a negative variance"
        in refusal(path)
    )


def test_refuses_files_that_are_none(tmp_path):
    (tmp_path / "text.h5").write_text("no model")
    assert "'text.h5' is not a readable HDF5 file" in refusal(tmp_path / "text.h5")
    assert "is not a file" in refusal(tmp_path / "missing.h5")
    assert "is not a file" in refusal(tmp_path)


def test_refuses_files_that_were_cut_off(path):
    whole = path.read_bytes()
    for share in (0.1, 0.5, 0.9, 0.99):
        path.write_bytes(whole[: int(share * len(whole))])
        assert "net.h5" in refusal(path)


def test_refuses_a_small_file_that_claims_many_weights(model, tmp_path):
    # The same bytes under many names: a few kilobytes could ask for gigabytes.
    path = model.save(tmp_path / "net.h5", myronenko_cae(model, base=16))
    shared = {}
    with h5py.File(path) as file, h5py.File(tmp_path / "small.h5", "w") as small:
        small.attrs.update(file.attrs)
        for layer, group in file["model_weights"].items():
            names = group.attrs["weight_names"]
            small.create_group(f"model_weights/{layer}").attrs["weight_names"] = names
            for name in (f"model_weights/{layer}/{name.decode()}" for name in names):
                shape = file[name].shape
                small[name] = small[shared[shape]] if shape in shared else file[name][()]
                shared.setdefault(shape, name)
    sentence = refusal(tmp_path / "small.h5", "myronenko_cae")
    assert re.search(r"the file has [\d,]+ bytes, not at least [\d,]+", sentence)
    assert read_keras(path, "myronenko_cae").config.base_channels == 16
