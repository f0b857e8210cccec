import math

import pytest
import torch

from mrigen.errors import DataError
from mrigen.evaluation.latent.bound import evaluate_latent
from mrigen.models.posterior import kl_divergence
from mrigen.models.vae import VAE, VAEConfig
from mrigen.seeds import seeded_noise

PIXELS = 16 * 16


def vae(**changes):
    torch.manual_seed(0)
    sizes = {"latent_size": 6, "base_channels": 2, "depth": 2}
    return VAE(VAEConfig(name="vae", **(sizes | changes)), 16).eval()


def images(count, seed=1):
    return torch.rand(count, 1, 16, 16, generator=torch.Generator().manual_seed(seed))


def judge(network, test=None, calibration=None, seed=0):
    test = images(10).split(4) if test is None else test
    calibration = images(6, seed=2).split(4) if calibration is None else calibration
    return evaluate_latent(network, test=test, calibration=calibration, seed=seed)


def blind():
    """A network that answers grey to everything and whose posterior is the prior."""
    network = vae()
    with torch.no_grad():
        for layer in (network.encoder.mean, network.encoder.log_variance):
            layer.weight.zero_()
        network.decoder.convolutions[-2].weight.zero_()
    network.log_noise_variance.fill_(2 * math.log(0.3))
    return network


def test_a_network_that_knows_nothing_has_no_rate_and_the_likelihood_of_grey():
    metrics = judge(blind())
    assert metrics["rate_bits"] == pytest.approx(0, abs=1e-9)
    assert (metrics["active_units"], metrics["latent_size"]) == (0, 6)
    assert metrics["noise_std"] == pytest.approx(0.3)
    normal = torch.distributions.Normal(0.5, 0.3)
    expected = float(normal.log_prob(images(10)).sum()) / 10
    assert metrics["elbo_nats"] == pytest.approx(expected, rel=1e-5)


def test_the_best_noise_is_learned_from_other_slices_than_those_that_judge():
    metrics = judge(blind())
    best = float((images(6, seed=2) - 0.5).square().mean().sqrt())
    assert metrics["calibrated_noise_std"] == pytest.approx(best, rel=1e-5)
    expected = float(torch.distributions.Normal(0.5, best).log_prob(images(10)).sum()) / 10
    assert metrics["calibrated_elbo_nats"] == pytest.approx(expected, rel=1e-5)
    brighter = judge(blind(), test=[images(10) * 0.5])
    assert brighter["calibrated_noise_std"] == metrics["calibrated_noise_std"]


def test_bits_per_pixel_are_the_bound_in_grey_levels_of_eight_bits():
    metrics = judge(blind())
    # The same likelihood for images in grey levels, as a density over 0 to 255.
    normal = torch.distributions.Normal(0.5 * 255, 0.3 * 255)
    nats = float(normal.log_prob(images(10) * 255).mean())
    assert metrics["bits_per_pixel"] == pytest.approx(-nats / math.log(2), rel=1e-5)


def test_rate_and_bound_take_the_posterior_into_account():
    network = vae()
    network.log_noise_variance.fill_(2 * math.log(0.3))
    metrics = judge(network)
    with torch.no_grad():
        posterior = network.encode(images(10))
        noise = seeded_noise(range(10), (6,))
        answer = network.decode(posterior.mean + (0.5 * posterior.log_variance).exp() * noise)
    rate = float(kl_divergence(posterior).mean())
    assert metrics["rate_bits"] == pytest.approx(rate / math.log(2), rel=1e-5)
    likelihood = torch.distributions.Normal(answer, 0.3).log_prob(images(10)).sum() / 10
    assert metrics["elbo_nats"] == pytest.approx(float(likelihood) - rate, rel=1e-4)


def test_counts_the_latents_whose_means_differ_between_slices():
    network = blind()
    with torch.no_grad():
        network.encoder.mean.weight[2:4].normal_()
        network.encoder.mean.bias.fill_(5)  # far from the prior, and the same for every slice
    metrics = judge(network)
    assert metrics["active_units"] == 2
    assert metrics["rate_bits"] > 10


def test_the_seed_alone_decides_the_draws():
    network = vae()
    first = judge(network, seed=1)
    torch.manual_seed(5)
    assert judge(network, seed=1) == first
    assert judge(network, seed=2)["elbo_nats"] != first["elbo_nats"]
    batched = judge(network, test=images(10).split(3), seed=1)
    assert batched["elbo_nats"] == pytest.approx(first["elbo_nats"], rel=1e-5)


def test_pixels_out_of_reach_cost_likelihood():
    bright = [torch.ones(4, 1, 16, 16)]
    network = vae(pixel_scale=2.0)
    metrics = judge(network, test=bright, calibration=bright)
    assert metrics["calibrated_noise_std"] >= 0.5


def test_refuses_to_judge_by_nothing():
    with pytest.raises(DataError, match="no slices to encode"):
        judge(vae(), test=[])
