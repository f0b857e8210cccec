import math

import pytest
import torch
from pydantic import TypeAdapter

from mrigen.data.loader import Batch
from mrigen.errors import ModelError
from mrigen.models.build import NetworkConfig, build_network
from mrigen.models.posterior import Posterior, kl_divergence
from mrigen.objectives.build import ObjectiveConfig, build_objective

NETWORK = TypeAdapter(NetworkConfig).validate_python
OBJECTIVE = TypeAdapter(ObjectiveConfig).validate_python

VAE = {"name": "vae", "latent_size": 4, "base_channels": 2, "depth": 2}
GAN = {"name": "feliu_gan", "latent_size": 4, "base_channels": 2, "discriminator_channels": 4}
UNET = {"name": "unet", "base_channels": 2, "depth": 2}


def objective(network: dict, config: dict):
    torch.manual_seed(0)
    return build_objective(OBJECTIVE(config), build_network(NETWORK(network), 16))


def batch(count: int = 4) -> Batch:
    generator = torch.Generator().manual_seed(1)
    target = torch.rand(count, 1, 16, 16, generator=generator)
    patch = torch.zeros_like(target, dtype=torch.bool)
    patch[:, :, 4:8, 4:8] = True
    return Batch(target * 0.5, target, patch, torch.arange(count))


def test_divergence_agrees_with_torch_distributions():
    posterior = Posterior(torch.randn(5, 7), torch.randn(5, 7))
    normal = torch.distributions.Normal(posterior.mean, torch.exp(0.5 * posterior.log_variance))
    expected = torch.distributions.kl_divergence(normal, torch.distributions.Normal(0.0, 1.0))
    torch.testing.assert_close(kl_divergence(posterior), expected.sum(1))


def test_bound_is_the_log_likelihood_of_the_sum_over_pixels():
    bound = objective(VAE, {"name": "variational", "noise_std": 0.2})
    torch.manual_seed(3)
    terms = bound.loss("network", batch())
    torch.manual_seed(3)
    mean, posterior = bound.network(batch().input)
    normal = torch.distributions.Normal(mean, 0.2)
    constant = 16 * 16 * math.log(0.2 * math.sqrt(2 * math.pi))
    likelihood = normal.log_prob(batch().target).flatten(1).sum(1).mean() + constant
    divergence = kl_divergence(posterior).mean()
    torch.testing.assert_close(terms["loss"], divergence - likelihood)
    torch.testing.assert_close(terms["rate_bits"] * math.log(2), divergence.detach())


def test_kl_weight_scales_only_the_divergence():
    plain = objective(VAE, {"name": "variational"})
    heavy = objective(VAE, {"name": "variational", "kl_weight": 4})
    torch.manual_seed(0)
    one = plain.loss("network", batch())
    torch.manual_seed(0)
    four = heavy.loss("network", batch())
    divergence = one["rate_bits"] * math.log(2)
    torch.testing.assert_close((four["loss"] - one["loss"]).detach(), 3 * divergence)


def test_adversarial_losses_are_binary_cross_entropies():
    bound = objective(GAN, {"name": "adversarial"})
    bound.network.eval()
    entropy = torch.nn.functional.binary_cross_entropy_with_logits
    torch.manual_seed(5)
    loss = bound.loss("discriminator", batch())["loss"]
    torch.manual_seed(5)
    fake = bound.network.sample(torch.randn(4, 4))
    real_logits = bound.network.discriminator(batch().target)
    fake_logits = bound.network.discriminator(fake)
    expected = entropy(real_logits, torch.ones(4)) + entropy(fake_logits, torch.zeros(4))
    torch.testing.assert_close(loss, expected)
    torch.manual_seed(5)
    generator_loss = bound.loss("generator", batch())["loss"]
    torch.testing.assert_close(generator_loss, entropy(fake_logits, torch.ones(4)))


def test_discriminator_loss_leaves_the_generator_without_gradient():
    bound = objective(GAN, {"name": "adversarial", "r1_weight": 2.0})
    bound.loss("discriminator", batch())["loss"].backward()
    assert all(p.grad is None for p in bound.network.generator.parameters())
    assert any(p.grad is not None for p in bound.network.discriminator.parameters())


def test_r1_is_the_squared_slope_at_real_images():
    bound = objective(GAN, {"name": "adversarial", "r1_weight": 2.0})
    bound.network.eval()
    terms = bound.loss("discriminator", batch())
    real = batch().target.requires_grad_()
    logits = bound.network.discriminator(real)
    slopes = [torch.autograd.grad(logit, real, retain_graph=True)[0] for logit in logits]
    expected = sum(slope.square().sum() for slope in slopes) / 4
    torch.testing.assert_close(terms["r1"], expected)


def test_validation_needs_no_gradient():
    bound = objective(GAN, {"name": "adversarial", "r1_weight": 2.0})
    with torch.no_grad():
        assert torch.isfinite(bound.loss("discriminator", batch())["loss"])


@pytest.mark.parametrize(
    ("network", "name"),
    [
        (UNET, "variational"),
        (GAN, "reconstruction"),
        (VAE, "reconstruction"),
        (VAE, "adversarial"),
    ],
)
def test_refuses_a_network_it_cannot_train(network, name):
    with pytest.raises(ModelError, match=f"objective '{name}' needs"):
        objective(network, {"name": name})
