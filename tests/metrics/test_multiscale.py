import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.filters import gaussian
from skimage.metrics import structural_similarity

from mrigen.errors import DataError
from mrigen.metrics.multiscale import ms_ssim, scales
from mrigen.metrics.similarity import ssim


def images(count=3, height=64, width=64, seed=0):
    return torch.rand(count, 1, height, width, generator=torch.Generator().manual_seed(seed))


def smooth(count=3, height=64, width=64, seed=0):
    noise = images(count, height, width, seed).numpy()
    blurred = np.stack([gaussian(image[0], 3) for image in noise])
    low, high = blurred.min(), blurred.max()
    return torch.from_numpy((blurred - low) / (high - low))[:, None].float()


def by_hand(first, second):
    """Return the paper's formula at each scale, with scikit-image's SSIM and Gaussian."""
    exponents = np.array([0.0448, 0.2856, 0.3001, 0.2363, 0.1333])
    x, y = first[0].double().numpy(), second[0].double().numpy()
    parts, whole = [], []
    while min(x.shape) >= 11 and len(parts) < 5:
        window = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}
        _, similarity = structural_similarity(x, y, data_range=1, full=True, **window)
        mean_x, mean_y = (gaussian(image, 1.5, truncate=3.5) for image in (x, y))
        light = (2 * mean_x * mean_y + 1e-4) / (mean_x**2 + mean_y**2 + 1e-4)
        parts.append((similarity / light)[5:-5, 5:-5].mean())
        whole.append(similarity[5:-5, 5:-5].mean())
        x, y = halved(x), halved(y)
    exponents = exponents[: len(parts)] / exponents[: len(parts)].sum()
    values = [max(value, 0) for value in [*parts[:-1], whole[-1]]]
    return float(np.prod(np.array(values) ** exponents))


def halved(image):
    image = np.pad(image, [(0, side % 2) for side in image.shape], mode="symmetric")
    return (image[::2, ::2] + image[1::2, ::2] + image[::2, 1::2] + image[1::2, 1::2]) / 4


@pytest.mark.parametrize(("height", "width"), [(64, 64), (63, 70), (11, 15), (161, 176)])
def test_it_is_the_papers_formula(height, width):
    first = smooth(2, height, width, seed=1)
    second = (0.8 * first + 0.2 * smooth(2, height, width, seed=2)).clamp(0, 1)
    expected = [by_hand(a, b) for a, b in zip(first, second, strict=True)]
    assert ms_ssim(first, second).tolist() == pytest.approx(expected, abs=1e-9)
    assert min(expected) > 0.1


@pytest.mark.parametrize(
    ("side", "count"), [(11, 1), (20, 1), (21, 2), (64, 3), (128, 4), (160, 4), (161, 5), (512, 5)]
)
def test_as_many_scales_as_the_window_fits_into(side, count):
    assert scales(side, side) == count
    assert scales(side, 4 * side) == count


def test_one_scale_is_ssim():
    first = smooth(2, 18, 18, seed=1)
    second = (0.5 * first + 0.5 * smooth(2, 18, 18, seed=2)).clamp(0, 1)
    assert torch.allclose(ms_ssim(first, second), ssim(first, second), atol=1e-12)


@settings(deadline=None, max_examples=10)
@given(st.integers(0, 2**31), st.integers(11, 50), st.integers(11, 50))
def test_it_is_symmetric_within_zero_and_one_and_one_on_itself(seed, height, width):
    first, second = images(2, height, width, seed), images(2, height, width, seed + 1)
    assert torch.allclose(ms_ssim(first, second), ms_ssim(second, first), atol=1e-12)
    assert torch.allclose(ms_ssim(first, first), torch.ones(2).double(), atol=1e-12)
    assert bool(((ms_ssim(first, second) >= 0) & (ms_ssim(first, second) <= 1)).all())


def test_opposites_are_at_zero_and_not_undefined():
    first = images(2)
    assert ms_ssim(first, 1 - first).tolist() == [0, 0]


def test_noise_that_a_glance_does_not_see_counts_less_than_at_one_scale():
    first = smooth(2)
    noisy = (first + 0.1 * images(2, seed=5)).clamp(0, 1)
    assert bool((ms_ssim(first, noisy) > ssim(first, noisy)).all())


def test_an_image_scores_the_same_alone_and_in_company():
    first, second = smooth(70, 24, 24, seed=1), smooth(70, 24, 24, seed=2)
    alone = ms_ssim(first[67:68], second[67:68])
    assert torch.allclose(ms_ssim(first, second)[67:68], alone, rtol=1e-12)
    assert ms_ssim(first[:0], second[:0]).shape == (0,)


def test_images_that_do_not_fit_are_refused():
    with pytest.raises(DataError, match="at least 11 x 11"):
        ms_ssim(images(1, 10, 40), images(1, 10, 40))
    with pytest.raises(DataError, match="cannot be compared"):
        ms_ssim(images(2), images(3))
