import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mrigen.data.geometry import axial_pictures, axis_weights


def resized(frames, size):
    images = torch.from_numpy(np.ascontiguousarray(frames))[:, None]
    return torch.nn.functional.interpolate(
        images, (size, size), mode="bilinear", antialias=True, align_corners=False
    )[:, 0].numpy()


@pytest.mark.parametrize("size", [16, 40, 64, 100])
def test_a_square_field_of_view_is_resized_like_an_antialiased_bilinear_resize(size):
    array = np.random.default_rng(0).random((40, 40, 3), dtype=np.float32)
    pictures, pixel_mm = axial_pictures(array, (2.0, 2.0), size=size)
    expected = resized(array[::-1, ::-1].transpose(2, 1, 0), size)
    np.testing.assert_allclose(pictures, expected, atol=1e-5)
    assert pixel_mm == pytest.approx(80 / size)


def test_front_is_up_and_the_patients_right_is_on_the_left():
    array = np.zeros((8, 8, 1), np.float32)
    array[7, 4] = 1  # the patient's right
    array[4, 7] = 0.5  # the front
    picture = axial_pictures(array, (1.0, 1.0), size=8)[0][0]
    assert np.argwhere(picture == 1).tolist() == [[3, 0]]
    assert np.argwhere(picture == 0.5).tolist() == [[0, 3]]


@pytest.mark.parametrize("spacing", [(1.0, 3.0), (3.0, 1.0), (0.7, 0.7), (2.0, 1.2)])
@pytest.mark.parametrize("size", [48, 64, 96])
def test_a_round_head_stays_round_whatever_the_voxels(spacing, size):
    counts = [round(length / step) for length, step in zip((150, 210), spacing, strict=True)]
    x, y = (
        (np.arange(count) - (count - 1) / 2) * step
        for count, step in zip(counts, spacing, strict=True)
    )
    disc = np.clip(55.5 - np.hypot(x[:, None], y[None]), 0, 1).astype(np.float32)[..., None]
    picture = axial_pictures(disc, spacing, size=size)[0][0]
    pixel_mm = axial_pictures(disc, spacing, size=size)[1]
    height, width = (picture.max(axis=axis).sum() * pixel_mm for axis in (1, 0))
    assert height == pytest.approx(110, abs=max(*spacing, pixel_mm) * 1.5)
    assert width == pytest.approx(110, abs=max(*spacing, pixel_mm) * 1.5)
    rows, columns = np.indices(picture.shape)
    centre = (size - 1) / 2
    assert (picture * rows).sum() / picture.sum() == pytest.approx(centre, abs=0.1)
    assert (picture * columns).sum() / picture.sum() == pytest.approx(centre, abs=0.1)


@settings(deadline=None)
@given(
    count=st.integers(2, 300),
    spacing=st.floats(0.3, 6),
    size=st.integers(8, 256),
    padding=st.floats(1, 3),
)
def test_weights_average_inside_the_axis_and_vanish_outside(count, spacing, size, padding):
    pixel = count * spacing * padding / size
    weights = axis_weights(count, spacing, size=size, pixel_mm=pixel)
    centres = (np.arange(size) - (size - 1) / 2) * pixel
    inside = np.abs(centres) < count * spacing / 2
    np.testing.assert_allclose(weights.sum(axis=1), inside.astype(float), atol=1e-9)
    assert (weights >= 0).all()
    np.testing.assert_allclose(weights, weights[::-1, ::-1], atol=1e-9)


@settings(deadline=None, max_examples=30)
@given(st.integers(2, 40), st.integers(2, 40), st.integers(8, 50))
def test_pictures_stay_in_range(width, height, size):
    array = np.random.default_rng(1).random((width, height, 2), dtype=np.float32)
    pictures, _ = axial_pictures(array, (1.0, 2.0), size=size)
    assert pictures.shape == (2, size, size)
    assert pictures.dtype == np.float32
    assert pictures.min() >= 0
    assert pictures.max() <= 1
