import pytest
import torch

from mrigen.models import mixture as module
from mrigen.models.build import build_network
from mrigen.models.interfaces import Fitted
from mrigen.models.mixture import GaussianMixture
from mrigen.models.vae import VAEConfig

VAE = {"name": "vae", "latent_size": 3, "base_channels": 2, "depth": 2}


def noise(count, latent_size, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(count, latent_size + 1, generator=generator)


def two_clusters(count=600, log_variance=-4.0):
    """Posteriors around (3, 3, 0) and (-1, -1, 0), correlated in the first two latents."""
    generator = torch.Generator().manual_seed(1)
    along = torch.randn(count, 1, generator=generator)
    means = torch.cat([along, along, torch.zeros(count, 1)], dim=1) * 0.5
    means[: count // 4] += torch.tensor([3.0, 3.0, 0.0])
    means[count // 4 :] -= torch.tensor([1.0, 1.0, 0.0])
    return means, torch.full_like(means, log_variance)


def test_is_the_prior_until_it_is_fitted():
    drawn = noise(40, 5)
    assert torch.equal(GaussianMixture(5, 4)(drawn), drawn[:, 1:])


def test_takes_components_by_their_shares_and_turns_noise_into_their_normals():
    mixture = GaussianMixture(3, 2)
    means, log_variances = two_clusters()
    mixture.fit(means, log_variances)
    latents = mixture(noise(20_000, 3))
    near = latents[:, 0] > 1
    assert float(near.float().mean()) == pytest.approx(0.25, abs=0.02)
    for drawn, real in ((latents[near], means[:150]), (latents[~near], means[150:])):
        # Posterior noise of variance exp(-4) lies on top of the spread of the means.
        covariance = torch.cov(real.T, correction=0) + torch.eye(3) * torch.exp(torch.tensor(-4.0))
        torch.testing.assert_close(drawn.mean(0), real.mean(0), atol=0.05, rtol=0)
        torch.testing.assert_close(torch.cov(drawn.T), covariance, atol=0.03, rtol=0.1)


def test_the_same_posteriors_give_the_same_mixture_whatever_the_random_state():
    first, second = GaussianMixture(3, 4), GaussianMixture(3, 4)
    torch.manual_seed(1)
    first.fit(*two_clusters())
    torch.manual_seed(2)
    before = torch.get_rng_state()
    second.fit(*two_clusters())
    assert torch.equal(before, torch.get_rng_state())
    fitted = second.state_dict()
    assert all(torch.equal(value, fitted[name]) for name, value in first.state_dict().items())


def test_latents_that_all_collapsed_are_drawn_from_the_prior():
    mixture = GaussianMixture(6, 16)
    mixture.fit(torch.zeros(50, 6), torch.zeros(50, 6))
    latents = mixture(noise(20_000, 6))
    torch.testing.assert_close(latents.mean(0), torch.zeros(6), atol=0.05, rtol=0)
    torch.testing.assert_close(torch.cov(latents.T), torch.eye(6), atol=0.06, rtol=0)


@pytest.mark.parametrize("log_variance", [-60.0, 0.0])
def test_a_single_image_and_latents_without_any_spread_break_nothing(log_variance):
    mixture = GaussianMixture(4, 16)
    mixture.fit(torch.full((1, 4), 2.0), torch.full((1, 4), log_variance))
    latents = mixture(noise(200, 4))
    assert torch.isfinite(latents).all()
    assert float((latents - 2).abs().max()) < (0.1 if log_variance < 0 else 6)


def test_uses_as_many_components_as_the_images_can_tell_apart():
    mixture = GaussianMixture(3, 16)
    means, log_variances = two_clusters(count=40)  # 40 // (2 * 3) = 6
    mixture.fit(means, log_variances)
    assert int((mixture.bounds <= 1).sum()) == 5
    assert torch.isfinite(mixture(noise(500, 3))).all()


def test_covariances_are_those_of_the_latents_that_vary_and_the_rest_stand_alone(monkeypatch):
    monkeypatch.setattr(module, "MAX_CORRELATED", 2)
    mixture = GaussianMixture(5, 1)
    means, log_variances = torch.zeros(400, 5), torch.zeros(400, 5)
    varying = torch.randn(400, generator=torch.Generator().manual_seed(3))
    means[:, 1], means[:, 4] = varying, -varying
    log_variances[:, [1, 4]] = -6
    mixture.fit(means, log_variances)
    assert mixture.chosen.tolist() == [1, 4]
    covariance = torch.cov(mixture(noise(20_000, 5)).T)
    assert float(covariance[1, 4]) == pytest.approx(-float(varying.var()), abs=0.05)
    torch.testing.assert_close(covariance[0, 0], torch.tensor(1.0), atol=0.06, rtol=0)
    assert float(covariance[0, 1].abs()) < 0.05


def test_a_thousand_latents_and_few_images_are_no_trouble():
    generator = torch.Generator().manual_seed(0)
    means = torch.zeros(64, 1024)
    means[:, :20] = torch.randn(64, 20, generator=generator)
    log_variances = torch.zeros(64, 1024)
    log_variances[:, :20] = -3
    mixture = GaussianMixture(1024, 2)
    mixture.fit(means, log_variances)
    assert set(range(20)) <= set(mixture.chosen.tolist())
    latents = mixture(noise(64, 1024))
    assert latents.shape == (64, 1024)
    assert torch.isfinite(latents).all()


def test_a_vae_draws_from_what_was_fitted_to_its_posteriors():
    torch.manual_seed(0)
    config = VAEConfig(**VAE, sampling={"name": "mixture", "components": 2})
    network = build_network(config, 16).eval()
    assert isinstance(network, Fitted)
    assert network.noise_shape == (4,)
    drawn = noise(8, 3)
    torch.testing.assert_close(network.sample(drawn), network.decode(drawn[:, 1:]))
    images = torch.rand(64, 1, 16, 16)
    network.fit_sampler(images.split(20))
    with torch.no_grad():
        posterior = network.encode(images)
    expected = GaussianMixture(3, 2)
    expected.fit(posterior.mean, posterior.log_variance)
    latents = expected(drawn)
    assert not torch.allclose(latents, drawn[:, 1:])
    torch.testing.assert_close(network.sample(drawn), network.decode(latents), atol=1e-4, rtol=1e-3)
    assert {name for name in network.state_dict() if name.startswith("mixture.")}


def test_with_the_prior_nothing_is_fitted_and_nothing_is_asked_for():
    network = build_network(VAEConfig(**VAE), 16)

    def images():
        raise AssertionError("asked for images")
        yield

    network.fit_sampler(images())
    assert network.noise_shape == (3,)


def test_places_that_do_not_exist_do_no_harm():
    mixture = GaussianMixture(4, 2)
    mixture.chosen.copy_(torch.tensor([-9, 1, 2, 2**40]))
    assert mixture(torch.randn(3, *mixture.noise_shape)).shape == (3, 4)
