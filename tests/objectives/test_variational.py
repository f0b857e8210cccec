import math

import pytest
import torch
from torch.nn import functional

from mrigen.data.loader import Batch
from mrigen.errors import ModelError
from mrigen.models.posterior import Posterior, divergences, kl_divergence
from mrigen.models.vae import VAE, VAEConfig
from mrigen.objectives.variational import Variational, VariationalConfig

SMALL = {"name": "vae", "latent_size": 4, "base_channels": 2, "depth": 2}
PIXELS = 16 * 16


def bound(network=None, *, image_size=16, **config):
    torch.manual_seed(0)
    built = VAE(VAEConfig(**(SMALL | (network or {}))), image_size)
    return Variational(built, VariationalConfig(name="variational", **config))


def batch(count=4, size=16, label=None):
    target = torch.rand(count, 1, size, size, generator=torch.Generator().manual_seed(1))
    patch = torch.zeros_like(target, dtype=torch.bool)
    return Batch(target, target, patch, torch.arange(count), label)


def terms(objective, seed=3, progress=1.0, **kind):
    torch.manual_seed(seed)
    return objective.loss("network", batch(**kind), progress)


def number(value):
    return float(value.detach())


def answered(objective, seed=3):
    torch.manual_seed(seed)
    return objective.network(batch().input)


@pytest.mark.parametrize(
    ("scale", "noise_std", "tolerance"),
    [(2.008, 1.4254, 1e-4), (255 / 127, math.sqrt(128**2 / 2000) * 127 / 255, 1e-6)],
)
def test_the_study_weighs_a_thousand_times_the_mean_error_of_its_pixels(
    scale, noise_std, tolerance
):
    objective = bound({"pixel_scale": scale}, image_size=128, noise_std=noise_std)
    loss = terms(objective, count=2, size=128)["loss"]
    torch.manual_seed(3)
    images = batch(2, 128).target
    # As the study wrote it: the network on its own pixels, in its own words.
    posterior = objective.network.encoder(images * scale)
    answer = objective.network.decoder(posterior.draw())
    distortion = 1000 * (answer - images * scale).square().mean(dim=(1, 2, 3))
    mean, log_variance = posterior
    divergence = -0.5 * (1 + log_variance - mean.square() - log_variance.exp()).sum(1)
    torch.testing.assert_close(loss, (distortion + divergence).mean(), rtol=tolerance, atol=0)


def test_optimal_noise_is_the_whole_negative_bound_at_the_error_of_the_batch():
    objective = bound(noise_std="optimal")
    found = terms(objective)
    answer, posterior = answered(objective)
    squared = (answer - batch().target).square()
    normal = torch.distributions.Normal(answer, squared.mean().sqrt())
    likelihood = normal.log_prob(batch().target).flatten(1).sum(1).mean()
    torch.testing.assert_close(found["loss"], kl_divergence(posterior).mean() - likelihood)
    torch.testing.assert_close(found["noise_std"], squared.mean().sqrt().detach())


def test_optimal_noise_has_the_gradient_of_the_logarithm_of_the_error():
    objective = bound(noise_std="optimal", kl_weight=0)
    weight = objective.network.decoder.start.weight
    (slope,) = torch.autograd.grad(terms(objective)["loss"], weight)
    answer, _ = answered(objective)
    log_error = (answer - batch().target).square().mean().log()
    (expected,) = torch.autograd.grad(PIXELS / 2 * log_error, weight)
    torch.testing.assert_close(slope, expected)


def test_learned_noise_is_a_parameter_beside_the_network_and_moves_towards_the_error():
    objective = bound(noise_std="learned")
    (phase,) = objective.phases
    own = list(phase.extra.parameters())
    assert len(phase.parameters()) == len(list(objective.network.parameters())) + 1
    assert all(own[0] is not each for each in objective.network.parameters())
    found = terms(objective)
    assert float(found["noise_std"]) == pytest.approx(0.3, rel=1e-5)
    torch.autograd.backward(found["loss"], inputs=phase.parameters())
    wide = float(found["mse"]) < 0.09
    assert (float(own[0].grad) > 0) == wide
    optimizer = torch.optim.Adam(own, 0.01)
    for _ in range(200):
        loss = terms(objective)["loss"]
        optimizer.zero_grad()
        torch.autograd.backward(loss, inputs=own)
        optimizer.step()
    error = math.sqrt(float(terms(objective)["mse"]))
    assert float(objective.network.log_noise_variance.exp().sqrt()) == pytest.approx(error, rel=0.1)


def test_learned_and_optimal_losses_agree_where_the_noise_is_the_error():
    learned, optimal = bound(noise_std="learned"), bound(noise_std="optimal")
    error = terms(optimal)["mse"]
    with torch.no_grad():
        learned.learned.value.mul_(float(error.log()) / float(learned.learned()))
    torch.testing.assert_close(terms(learned)["loss"], terms(optimal)["loss"])


@pytest.mark.parametrize("noise_std", ["learned", "optimal"])
def test_in_validation_the_noise_is_the_one_that_the_network_has_stored(noise_std):
    objective = bound(noise_std=noise_std)
    objective.network.eval()
    objective.network.log_noise_variance.fill_(2 * math.log(0.3))
    found = terms(objective)
    answer, posterior = answered(objective)
    likelihood = torch.distributions.Normal(answer, 0.3).log_prob(batch().target)
    expected = kl_divergence(posterior).mean() - likelihood.flatten(1).sum(1).mean()
    torch.testing.assert_close(found["loss"], expected)
    assert float(objective.network.log_noise_variance) == pytest.approx(2 * math.log(0.3))


def test_every_likelihood_tells_the_network_its_noise():
    assert float(bound(noise_std=0.25).network.log_noise_variance) == pytest.approx(
        2 * math.log(0.25)
    )
    for config in ({"noise_std": "optimal"}, {"likelihood": "bernoulli"}):
        objective = bound(**config)
        error = float(terms(objective)["mse"])
        assert float(objective.network.log_noise_variance) == pytest.approx(math.log(error))
        assert not objective.network.log_noise_variance.requires_grad


def test_bernoulli_is_the_summed_binary_cross_entropy_of_the_keras_example():
    objective = bound(likelihood="bernoulli")
    found = terms(objective)
    answer, posterior = answered(objective)
    entropy = functional.binary_cross_entropy(answer, batch().target, reduction="none")
    expected = entropy.sum(dim=(1, 2, 3)) + kl_divergence(posterior)
    torch.testing.assert_close(found["loss"], expected.mean())


def test_bernoulli_stays_finite_where_the_decoder_is_certain():
    objective = bound(likelihood="bernoulli")
    with torch.no_grad():
        objective.network.decoder.convolutions[-2].bias.fill_(1000)
    assert torch.isfinite(terms(objective)["loss"])


def test_bernoulli_refuses_pixels_beyond_one():
    with pytest.raises(ModelError, match="'pixel_scale' of 2"):
        bound({"pixel_scale": 2}, likelihood="bernoulli")


def test_warmup_lets_the_weight_of_the_divergence_grow():
    objective = bound(kl_weight=2, kl_warmup=0.5)
    divergence = float(terms(objective)["rate_bits"]) * math.log(2)
    losses = [number(terms(objective, progress=done)["loss"]) for done in (0, 0.25, 0.5, 1)]
    assert [loss - losses[0] for loss in losses[1:]] == pytest.approx(
        [divergence, 2 * divergence, 2 * divergence], rel=1e-4
    )


def test_free_bits_charge_each_latent_at_least_as_much():
    objective = bound(free_bits=0.75)
    found, plain = terms(objective), terms(bound())
    _, posterior = answered(objective)
    mean = divergences(posterior).mean(0).detach()
    charged = sum(max(0.75, float(each)) for each in mean)
    assert float(mean.min()) < 0.75 < float(mean.max())
    expected = plain["loss"] - mean.sum() + charged
    torch.testing.assert_close(found["loss"], expected)
    torch.testing.assert_close(found["rate_bits"], plain["rate_bits"])


def test_free_bits_leave_a_latent_below_them_alone():
    objective = bound(free_bits=10.0)
    _, posterior = answered(objective)
    found = terms(objective)["loss"] - terms(objective)["distortion_nats"]
    assert number(found) == pytest.approx(40)
    assert number(kl_divergence(posterior).mean()) < 40


def test_active_units_are_latents_whose_posterior_means_vary():
    objective = bound()
    with torch.no_grad():
        objective.network.encoder.mean.weight[:3].zero_()
        objective.network.encoder.mean.weight[3].mul_(10)
    assert float(terms(objective)["active_units"]) == 1


def test_labels_of_augmentation_reach_a_decoder_that_asks_for_them():
    objective = bound({"label_size": 2})
    plain = terms(objective)["loss"]
    zeros, ones = torch.zeros(4, 2), torch.ones(4, 2)
    torch.testing.assert_close(terms(objective, label=zeros)["loss"], plain)
    assert not torch.allclose(terms(objective, label=ones)["loss"], plain)
    torch.testing.assert_close(terms(bound(), label=ones)["loss"], terms(bound())["loss"])


def test_divergence_of_each_latent_adds_up():
    posterior = Posterior(torch.randn(5, 7), torch.randn(5, 7))
    torch.testing.assert_close(divergences(posterior).sum(1), kl_divergence(posterior))
    assert (divergences(posterior) >= 0).all()


@pytest.mark.parametrize("value", [0, -1, 11, "guessed"])
def test_refuses_a_noise_that_is_none(value):
    with pytest.raises(ValueError, match="noise_std"):
        VariationalConfig(name="variational", noise_std=value)


@pytest.mark.parametrize("config", [{"noise_std": "learned"}, {"likelihood": "bernoulli"}, {}])
def test_trains_in_bfloat16(config):
    objective = bound(**config)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = terms(objective)
    assert found["loss"].dtype == torch.float32
    found["loss"].backward()
    assert torch.isfinite(found["loss"])
