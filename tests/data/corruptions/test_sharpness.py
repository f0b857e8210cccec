"""Lowered resolution and blur against the reference implementations."""

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter
from skimage.transform import downscale_local_mean, resize

from damage import damage, heads

HALF = {"name": "lower_resolution"}


def test_halved_resolution_drops_the_finest_detail_and_keeps_the_mean():
    board = torch.from_numpy(np.indices((32, 32)).sum(0) % 2).float()[None, None]
    assert torch.allclose(damage(board, HALF).images, torch.tensor(0.5))


def test_halved_resolution_keeps_a_ramp():
    ramp = torch.linspace(0, 1, 32).expand(1, 1, 32, 32)
    answer = damage(ramp, HALF).images
    assert torch.allclose(answer[..., 2:-2], ramp[..., 2:-2], atol=1e-6)


@pytest.mark.parametrize("factor", [2, 3, 4])
@pytest.mark.parametrize("size", [31, 32, 33])
def test_resolution_is_that_of_block_means_and_linear_interpolation(factor, size):
    clean = heads(1, size) + 0.2  # not black at the border
    margin = (0, -size % factor)
    padded = np.pad(clean[0, 0].numpy(), (margin, margin), mode="edge")
    small = downscale_local_mean(padded, (factor, factor))
    expected = resize(small, padded.shape, order=1, mode="edge", anti_aliasing=False)
    answer = damage(clean, HALF | {"factor": factor}).images[0, 0].numpy()
    assert np.allclose(answer, expected[:size, :size], atol=1e-6)


def test_blur_is_gaussian():
    clean = heads(2, 40)
    answer = damage(clean, {"name": "blur", "sigma": 1.2}).images
    expected = gaussian_filter(clean[0, 0].numpy(), 1.2, mode="nearest", radius=4)
    assert np.allclose(answer[0, 0], expected, atol=1e-6)


def test_blur_of_three_pixels_with_a_black_border():
    white = torch.ones(1, 1, 9, 9)
    step = {"name": "blur", "sigma": 0.6, "kernel": 3, "border": "zero"}
    answer = damage(white, step).images[0, 0]
    side = np.exp(-1 / (2 * 0.36))
    lost = side / (1 + 2 * side)
    assert torch.allclose(answer[1:-1, 1:-1], torch.tensor(1.0))
    assert answer[0, 4] == pytest.approx(1 - lost)
    assert answer[0, 0] == pytest.approx((1 - lost) ** 2)


def test_every_item_has_its_own_sigma():
    answer = damage(heads(1, 40).expand(16, 1, 40, 40), {"name": "blur", "sigma": [0.5, 3]}).images
    roughness = answer.diff(dim=-1).square().mean((1, 2, 3))
    assert roughness.max() > 1.5 * roughness.min()
