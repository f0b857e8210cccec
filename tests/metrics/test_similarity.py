import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.metrics import structural_similarity

from mrigen.errors import DataError
from mrigen.metrics.similarity import (
    MAX_PSNR_DB,
    dssim,
    mse,
    psnr,
    ssim,
    ssim_map,
)


def images(count=3, height=24, width=20, seed=0):
    return torch.rand(count, 1, height, width, generator=torch.Generator().manual_seed(seed))


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


def test_mse_and_psnr_of_a_known_error():
    reference = torch.zeros(2, 1, 12, 12)
    damaged = torch.stack([torch.full((1, 12, 12), 0.1), torch.full((1, 12, 12), 0.5)])
    assert mse(damaged, reference).tolist() == pytest.approx([0.01, 0.25], rel=1e-6)
    assert psnr(damaged, reference).tolist() == pytest.approx([20.0, 6.0206], abs=1e-4)


def test_psnr_agrees_with_scikit_image():
    from skimage.metrics import peak_signal_noise_ratio

    first, second = images(seed=1), images(seed=2)
    expected = [
        peak_signal_noise_ratio(b.double().numpy(), a.double().numpy(), data_range=1.0)
        for a, b in zip(first, second, strict=True)
    ]
    assert psnr(first, second).tolist() == pytest.approx(expected, rel=1e-12)


def test_perfect_images_have_a_finite_psnr():
    same = images()
    assert psnr(same, same).tolist() == [MAX_PSNR_DB] * 3


def test_ssim_agrees_with_scikit_image():
    first = images(seed=1)
    second = (first + 0.3 * images(seed=2)).clamp(0, 1)
    for a, b, value, around in zip(
        first, second, ssim(first, second), ssim_map(first, second), strict=True
    ):
        expected = reference_map(a[0], b[0])
        np.testing.assert_allclose(around[0].numpy(), expected, atol=1e-12)
        assert float(value) == pytest.approx(expected.mean(), abs=1e-12)


def waves(number):
    rows, columns = np.mgrid[:24, :20]
    return 0.5 + 0.5 * np.sin(0.3 * (number + 1) * rows) * np.cos(0.2 * (number + 2) * columns)


def test_dssim_agrees_with_tensorflow():
    # TensorFlow 2.21: (1 - tf.image.ssim(clean, answer, max_val=1.0)) / 2 of the arrays below,
    # moved to (N, H, W, 1) float32. It computes in float32.
    expected = [0.010536670684814453, 0.006718546152114868, 0.006148427724838257]
    clean = np.stack([waves(number) for number in range(3)])
    answer = np.stack([0.9 * waves(number) + 0.1 * waves(number + 3) ** 2 for number in range(3)])
    clean, answer = (torch.from_numpy(a[:, None].astype(np.float32)) for a in (clean, answer))
    assert dssim(answer, clean).tolist() == pytest.approx(expected, abs=1e-6)


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 2**31), st.integers(11, 30), st.integers(11, 30))
def test_ssim_is_symmetric_bounded_and_one_on_itself(seed, height, width):
    first = images(2, height, width, seed)
    second = images(2, height, width, seed + 1)
    assert torch.allclose(ssim(first, second), ssim(second, first), atol=1e-12)
    assert torch.allclose(ssim(first, first), torch.ones(2, dtype=torch.float64), atol=1e-12)
    assert bool((ssim(first, second) <= 1).all())


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 2**31))
def test_an_image_scores_the_same_alone_and_in_company(seed):
    first, second = images(4, seed=seed), images(4, seed=seed + 1)
    for measure in (mse, psnr, ssim, dssim):
        together = measure(first, second)
        assert torch.allclose(together[2:3], measure(first[2:3], second[2:3]), rtol=1e-12)


@pytest.mark.parametrize("measure", [mse, psnr, ssim, dssim])
def test_no_images_have_no_values(measure):
    assert measure(images(0), images(0)).tolist() == []


def test_shapes_that_do_not_fit_are_refused():
    with pytest.raises(DataError, match="cannot be compared"):
        mse(images(), images(height=23))
    with pytest.raises(DataError, match="at least 11 x 11"):
        ssim(images(height=10), images(height=10))
