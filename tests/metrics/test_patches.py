import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.metrics import structural_similarity

from mrigen.errors import DataError
from mrigen.metrics.patches import (
    Rectangle,
    bounding_rectangles,
    patch_dssim,
    patch_mse,
    patch_psnr,
    patch_ssim,
)
from mrigen.metrics.similarity import MAX_PSNR_DB, mse, ssim, ssim_map


def images(count=3, height=24, width=20, seed=0):
    return torch.rand(count, 1, height, width, generator=torch.Generator().manual_seed(seed))


def mask_of(shape, rectangle):
    mask = torch.zeros(shape, dtype=torch.bool)
    top, bottom, left, right = rectangle
    mask[:, :, top:bottom, left:right] = True
    return mask


def reference_map(first, second):
    _, similarity = structural_similarity(
        first.double().numpy(),
        second.double().numpy(),
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
        data_range=1.0,
        full=True,
    )
    return similarity[5:-5, 5:-5]


def test_perfect_patches_have_a_finite_psnr():
    same = images()
    assert patch_psnr(same, same, mask_of(same.shape, (3, 9, 2, 8))).tolist() == [MAX_PSNR_DB] * 3


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 2**31))
def test_a_patch_scores_the_same_alone_and_in_company(seed):
    first, second = images(4, seed=seed), images(4, seed=seed + 1)
    mask = mask_of(first.shape, (6, 17, 4, 9))
    for measure in (patch_mse, patch_psnr, patch_ssim, patch_dssim):
        together = measure(first, second, mask)
        assert torch.allclose(together[2:3], measure(first[2:3], second[2:3], mask[2:3]))


def test_bounding_rectangles_hold_every_marked_pixel():
    mask = torch.zeros(2, 1, 8, 9, dtype=torch.bool)
    mask[0, 0, 2, 3] = mask[0, 0, 5, 7] = True
    mask[1, 0, 7, 8] = True
    assert bounding_rectangles(mask) == [Rectangle(2, 6, 3, 8), Rectangle(7, 8, 8, 9)]


def test_patch_measures_ignore_everything_outside_the_rectangle():
    reference = images()
    mask = mask_of(reference.shape, (4, 9, 5, 12))
    damaged = torch.where(mask, reference, 1 - reference)
    assert patch_mse(damaged, reference, mask).tolist() == [0.0] * 3
    damaged = torch.where(mask, torch.zeros(()), reference)
    expected = reference[:, :, 4:9, 5:12].double().square().mean(dim=(1, 2, 3))
    assert torch.allclose(patch_mse(damaged, reference, mask), expected)


def test_a_patch_of_the_whole_image_scores_like_the_slice():
    first, second = images(seed=1), images(seed=2)
    mask = torch.ones_like(first, dtype=torch.bool)
    assert torch.allclose(patch_mse(first, second, mask), mse(first, second))
    assert torch.allclose(patch_ssim(first, second, mask), ssim(first, second))


def test_patch_ssim_is_the_mean_of_the_map_over_the_rectangle():
    first, second = images(1, seed=1), images(1, seed=2)
    expected = reference_map(first[0, 0], second[0, 0])[8 - 5 : 12 - 5, 7 - 5 : 13 - 5].mean()
    value = patch_ssim(first, second, mask_of(first.shape, (8, 12, 7, 13)))
    assert float(value) == pytest.approx(expected, abs=1e-12)


def waves(number):
    rows, columns = np.mgrid[:24, :20]
    return 0.5 + 0.5 * np.sin(0.3 * (number + 1) * rows) * np.cos(0.2 * (number + 2) * columns)


def test_patch_dssim_agrees_with_tensorflow():
    # TensorFlow 2.21: (1 - tf.image.ssim(clean, answer, max_val=1.0)) / 2 of rows 2 to 17 and
    # columns 1 to 16 of the arrays below, as (N, H, W, 1) float32: the rectangle and the five
    # pixels around it, which the windows of its pixels fill.
    expected = [0.011030197143554688, 0.006652563810348511, 0.0062209367752075195]
    clean = np.stack([waves(number) for number in range(3)])
    answer = np.stack([0.9 * waves(number) + 0.1 * waves(number + 3) ** 2 for number in range(3)])
    clean, answer = (torch.from_numpy(a[:, None].astype(np.float32)) for a in (clean, answer))
    values = patch_dssim(answer, clean, mask_of(clean.shape, (7, 13, 6, 12)))
    assert values.tolist() == pytest.approx(expected, abs=1e-6)


def test_patch_ssim_in_a_corner_takes_the_nearest_windows():
    first, second = images(1, seed=1), images(1, seed=2)
    corner = patch_ssim(first, second, mask_of(first.shape, (0, 2, 18, 20)))
    assert float(corner) == pytest.approx(float(ssim_map(first, second)[0, 0, 0, -1]))


def test_an_empty_mask_is_refused():
    with pytest.raises(DataError, match="mask 0 marks no pixel"):
        patch_mse(images(), images(), torch.zeros(3, 1, 24, 20, dtype=torch.bool))


def test_a_mask_that_does_not_fit_is_refused():
    with pytest.raises(DataError, match="does not fit"):
        patch_mse(images(), images(), torch.ones(3, 1, 24, 19, dtype=torch.bool))
    with pytest.raises(DataError, match=r"expected the same shape and torch\.bool"):
        patch_mse(images(), images(), torch.ones(3, 1, 24, 20))
