import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from mrigen.data.slicing.resampling import (
    Axis,
    axis_weights,
    nearest_voxels,
    resample,
    take_nearest,
)


def whole(count, size):
    return Axis(count=count, size=size, centre=(count - 1) / 2, span=count)


def noise(*shape):
    return np.random.default_rng(0).random(shape, dtype=np.float32)


def torch_resized(frames, size, *, antialias):
    # In double precision: in single, torch's own places are off by a 1e-5th of a voxel.
    images = torch.from_numpy(frames)[:, None].double()
    answer = torch.nn.functional.interpolate(
        images, size, mode="bilinear", antialias=antialias, align_corners=False
    )
    return answer[:, 0].numpy()


SIZES = [(40, 40, 16), (40, 52, 64), (37, 23, 31), (150, 256, 128), (256, 150, 112), (9, 5, 100)]


@pytest.mark.parametrize(("height", "width", "size"), SIZES)
@pytest.mark.parametrize(("method", "antialias"), [("area", True), ("bilinear", False)])
def test_the_triangle_filters_are_those_of_torch(height, width, size, method, antialias):
    frames = noise(3, height, width)
    pictures = resample(frames, whole(height, size), whole(width, size), method)
    expected = torch_resized(frames, (size, size), antialias=antialias)
    np.testing.assert_allclose(pictures, expected, atol=1e-6)
    assert pictures.dtype == np.float32


def test_bilinear_at_half_the_size_is_the_mean_of_four_voxels():
    frames = noise(2, 48, 64)
    pictures = resample(frames, whole(48, 24), whole(64, 32), "bilinear")
    expected = frames.reshape(2, 24, 2, 32, 2).mean(axis=(2, 4))
    np.testing.assert_allclose(pictures, expected, atol=1e-6)


@pytest.mark.parametrize(("height", "width", "size"), SIZES)
def test_nearest_is_that_of_pillow(height, width, size):
    frame = np.arange(height * width, dtype=np.float32).reshape(height, width)
    pictures = resample(frame[None], whole(height, size), whole(width, size), "nearest")
    expected = Image.fromarray(frame).resize((size, size), Image.Resampling.NEAREST)
    np.testing.assert_array_equal(pictures[0], np.asarray(expected))


@settings(deadline=None, max_examples=300)
@given(count=st.integers(1, 700), size=st.integers(1, 700))
def test_nearest_is_that_of_pillow_at_every_tie(count, size):
    line = Image.fromarray(np.arange(count, dtype=np.float32)[None])
    expected = np.asarray(line.resize((size, 1), Image.Resampling.NEAREST))[0]
    start, voxels = nearest_voxels(whole(count, size))
    np.testing.assert_array_equal(np.pad(voxels, (start, size - start - len(voxels))), expected)


@pytest.mark.parametrize("method", ["area", "bilinear", "nearest"])
def test_bits_do_not_depend_on_how_many_frames_or_on_their_order_in_memory(method):
    frames = noise(70, 45, 38)
    axes = whole(45, 29), Axis(count=38, size=29, centre=15.2, span=50.0)
    together = resample(frames, *axes, method)
    turned = np.asfortranarray(frames[:, ::-1])[:, ::-1]
    np.testing.assert_array_equal(resample(turned, *axes, method), together)
    alone = [resample(frame[None], *axes, method)[0] for frame in frames]
    np.testing.assert_array_equal(alone, together)


def test_frames_that_are_all_beside_the_picture_leave_it_black():
    far = Axis(count=10, size=8, centre=40.0, span=8.0)
    for method in ("area", "bilinear", "nearest"):
        assert not resample(noise(1, 10, 10) + 1, far, whole(10, 8), method).any()


def test_labels_keep_their_type_and_values():
    labels = np.random.default_rng(0).integers(0, 5, (2, 12, 12)).astype(np.uint16)
    shifted = Axis(count=12, size=12, centre=8.5, span=12)
    taken = take_nearest(labels, shifted, whole(12, 12))
    assert taken.dtype == np.uint16
    np.testing.assert_array_equal(taken[:, :9], labels[:, 3:])
    assert not taken[:, 9:].any()


@settings(deadline=None)
@given(
    count=st.integers(2, 300),
    size=st.integers(8, 256),
    padding=st.floats(1, 3),
    method=st.sampled_from(["area", "bilinear"]),
)
def test_weights_average_inside_the_axis_and_vanish_outside(count, size, padding, method):
    axis = Axis(count=count, size=size, centre=(count - 1) / 2, span=count * padding)
    weights = axis_weights(axis, method)
    centres = (np.arange(size) - (size - 1) / 2) * axis.ratio
    inside = np.abs(centres) < count / 2
    np.testing.assert_allclose(weights.sum(axis=1), inside.astype(float), atol=1e-9)
    assert (weights >= 0).all()
    np.testing.assert_allclose(weights, weights[::-1, ::-1], atol=1e-9)
