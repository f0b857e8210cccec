import math

import numpy as np
import pytest
import torch
from scipy import ndimage, stats

from mrigen.errors import DataError
from mrigen.evaluation.anomaly.maps import (
    reconstruction_probability_map,
    residual_map,
    smooth,
)
from mrigen.models.posterior import Posterior
from small_models import build


def images(count=3, size=16):
    return torch.rand(count, 1, size, size, generator=torch.Generator().manual_seed(1))


class Darker:
    def reconstruct(self, images):
        return images * 0.75


def test_a_residual_is_the_absolute_difference_to_the_answer():
    torch.testing.assert_close(residual_map(Darker(), images()), images() * 0.25)


def test_more_slices_than_a_batch_give_the_maps_of_each():
    many = images(70)
    maps = residual_map(Darker(), many, smoothing=1.5)
    assert maps.shape == many.shape
    torch.testing.assert_close(maps[40:41], residual_map(Darker(), many[40:41], smoothing=1.5))


@pytest.mark.parametrize("sigma", [0.6, 1.0, 7.0])
def test_smoothing_is_a_gaussian_mean_over_the_pixels_that_are_there(sigma):
    picture = images(1)[0, 0].double().numpy()
    blur = {"sigma": sigma, "mode": "constant", "radius": math.ceil(4 * sigma)}
    expected = ndimage.gaussian_filter(picture, **blur)
    expected /= ndimage.gaussian_filter(np.ones_like(picture), **blur)
    torch.testing.assert_close(smooth(images(1), sigma)[0, 0], torch.from_numpy(expected).float())


def test_smoothing_neither_darkens_the_border_nor_changes_a_flat_map():
    flat = torch.full((2, 1, 16, 9), 0.3)
    torch.testing.assert_close(smooth(flat, 3.0), flat)
    assert torch.equal(smooth(images(), 0.0), images())


class Shaky(torch.nn.Module):
    """Answers 0.5, and on the right half also a latent that its posterior leaves open."""

    latent_size = 1
    log_noise_variance = torch.tensor(2 * math.log(0.1))

    def encode(self, images):
        return Posterior(torch.zeros(len(images), 1), torch.zeros(len(images), 1))

    def decode(self, latents):
        answer = torch.full((len(latents), 1, 16, 16), 0.5)
        answer[..., 8:] += 0.2 * latents[:, :, None, None]
        return answer


def test_probability_is_that_of_a_normal_with_the_moments_of_the_draws():
    found = reconstruction_probability_map(Shaky(), images(2), draws=2000, seed=0)
    steady, open_ = found[..., :8], found[..., 8:]
    left = -stats.norm(0.5, 0.1).logpdf(images(2)[..., :8].numpy())
    right = -stats.norm(0.5, math.hypot(0.1, 0.2)).logpdf(images(2)[..., 8:].numpy())
    torch.testing.assert_close(steady, torch.from_numpy(left).float())
    torch.testing.assert_close(open_, torch.from_numpy(right).float(), atol=0.15, rtol=0)


def test_an_error_weighs_less_where_the_draws_disagree():
    wrong = torch.full((1, 1, 16, 16), 0.9)
    found = reconstruction_probability_map(Shaky(), wrong, draws=100, seed=0)
    assert found[..., 8:].max() < found[..., :8].min()


def test_one_draw_under_a_constant_noise_ranks_pixels_as_their_squared_residuals_do():
    found = reconstruction_probability_map(Shaky(), images(1), draws=1, seed=0)
    errors = (images(1) - 0.5).square()[..., :8].flatten()
    assert torch.equal(found[..., :8].flatten().argsort(), errors.argsort())


def test_the_map_of_a_slice_does_not_depend_on_its_company_but_on_the_seed():
    vae = build("vae_labelled").eval()
    several = reconstruction_probability_map(vae, images(40), draws=3, seed=5)
    alone = reconstruction_probability_map(vae, images(40)[37:38], draws=3, seed=5)
    torch.testing.assert_close(several[37:38], alone)
    other = reconstruction_probability_map(vae, images(40)[37:38], draws=3, seed=6)
    assert not torch.allclose(alone, other)


def test_no_draws_are_refused():
    with pytest.raises(DataError, match="0 draws: expected at least 1"):
        reconstruction_probability_map(Shaky(), images(), draws=0, seed=0)
