import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.metrics import structural_similarity

from mrigen.errors import DataError
from mrigen.metrics.flattened import (
    flattened_ssim,
    patch_flattened_ssim,
    patch_squared_mean_difference,
    squared_mean_difference,
)
from mrigen.metrics.similarity import mse


def images(count=3, height=24, width=20, seed=0):
    return torch.rand(count, 1, height, width, generator=torch.Generator().manual_seed(seed))


def mask_of(shape, rectangle):
    mask = torch.zeros(shape, dtype=torch.bool)
    top, bottom, left, right = rectangle
    mask[:, :, top:bottom, left:right] = True
    return mask


def published(prediction, truth):
    """Lorente's listing, on vectors."""
    prediction, truth = prediction.double().numpy().ravel(), truth.double().numpy().ravel()
    spread = prediction.max() - prediction.min()
    return structural_similarity(truth, prediction, data_range=spread)


@settings(deadline=None, max_examples=15)
@given(st.integers(0, 2**31), st.integers(1, 30), st.integers(7, 30))
def test_flattened_ssim_is_what_scikit_image_answers_to_vectors(seed, height, width):
    truth = images(2, height, width, seed)
    prediction = 0.2 + 0.5 * truth + 0.2 * images(2, height, width, seed + 1)
    expected = [published(a, b) for a, b in zip(prediction, truth, strict=True)]
    assert flattened_ssim(prediction, truth).tolist() == pytest.approx(expected, abs=1e-10)


def test_patches_flatten_the_rectangle_alone():
    truth, prediction = images(seed=1), images(seed=2) * 0.7
    mask = mask_of(truth.shape, (4, 9, 5, 12))
    inside = prediction[:, :, 4:9, 5:12], truth[:, :, 4:9, 5:12]
    expected = [published(a, b) for a, b in zip(*inside, strict=True)]
    assert patch_flattened_ssim(prediction, truth, mask).tolist() == pytest.approx(expected)
    difference = patch_squared_mean_difference(prediction, truth, mask)
    assert torch.allclose(difference, squared_mean_difference(*inside))


def test_the_prediction_sets_the_range():
    truth, prediction = images(seed=1), images(seed=2) * 0.2
    assert not torch.allclose(flattened_ssim(prediction, truth), flattened_ssim(truth, prediction))


def test_rows_joined_into_one_are_not_the_picture():
    truth = images(1)
    upside_down = truth.flip(2)
    flat = [image.reshape(1, 1, 1, -1) for image in (upside_down, truth)]
    assert torch.equal(flattened_ssim(upside_down, truth), flattened_ssim(*flat))


def test_the_square_of_the_mean_difference_cancels_what_a_mean_square_keeps():
    truth = torch.full((1, 1, 8, 8), 0.5)
    wrong = truth.clone()
    wrong[..., ::2], wrong[..., 1::2] = 0.1, 0.9
    assert float(squared_mean_difference(wrong, truth)) == pytest.approx(0, abs=1e-15)
    assert float(mse(wrong, truth)) == pytest.approx(0.16)
    expected = np.square(np.subtract(0.7, 0.5))
    assert float(squared_mean_difference(truth + 0.2, truth)) == pytest.approx(expected, rel=1e-6)


@settings(deadline=None, max_examples=15)
@given(st.integers(0, 2**31))
def test_the_square_of_the_mean_never_exceeds_the_mean_of_the_squares(seed):
    first, second = images(seed=seed), images(seed=seed + 1)
    assert bool((squared_mean_difference(first, second) <= mse(first, second)).all())


@pytest.mark.parametrize("level", [0.0, 0.3])
def test_a_prediction_of_one_grey_value_has_a_finite_ssim(level):
    flat = torch.full((3, 1, 24, 20), level)
    assert bool((flattened_ssim(flat, images()).abs() < 1e-3).all())
    assert flattened_ssim(flat, flat).tolist() == pytest.approx([1.0] * 3)


def test_seven_pixels_are_enough_and_six_are_refused():
    first, second = images(), images(seed=1)
    assert len(patch_flattened_ssim(first, second, mask_of(first.shape, (3, 4, 0, 7)))) == 3
    with pytest.raises(DataError, match="6 pixels in a row have no SSIM: expected at least 7"):
        patch_flattened_ssim(first, second, mask_of(first.shape, (3, 5, 0, 3)))
    small = mask_of(first.shape, (3, 4, 0, 1))
    assert len(patch_squared_mean_difference(first, second, small)) == 3


def test_what_does_not_fit_is_refused():
    with pytest.raises(DataError, match="cannot be compared"):
        flattened_ssim(images(), images(height=23))
    with pytest.raises(DataError, match="does not fit"):
        patch_flattened_ssim(images(), images(), torch.ones(3, 1, 24, 19, dtype=torch.bool))
    with pytest.raises(DataError, match="mask 0 marks no pixel"):
        patch_squared_mean_difference(
            images(), images(), torch.zeros(3, 1, 24, 20, dtype=torch.bool)
        )
