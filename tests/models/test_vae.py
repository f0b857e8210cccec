import math

import pytest
import torch

from mrigen.errors import ConfigError, ModelError
from mrigen.models.build import build_network, count_parameters
from mrigen.models.vae import VAEConfig

SMALL = {"name": "vae", "latent_size": 4, "base_channels": 2, "depth": 2}


def vae(**changes):
    torch.manual_seed(0)
    return build_network(VAEConfig(**(SMALL | changes)), 16).eval()


def images(count=3):
    return torch.rand(count, 1, 16, 16, generator=torch.Generator().manual_seed(1))


def test_scaled_pixels_are_those_of_the_same_network_on_brighter_images():
    plain, scaled = vae(), vae(pixel_scale=2.0)
    posterior = scaled.encode(images())
    torch.testing.assert_close(posterior.mean, plain.encode(images() * 2).mean)
    latents = posterior.mean
    torch.testing.assert_close(scaled.decode(latents) * 2, plain.decode(latents))
    for answer in (scaled.reconstruct(images()), scaled.sample(torch.randn(50, 4) * 100)):
        assert bool((answer <= 0.5).all())


def test_the_decoder_hears_how_images_were_augmented_and_zeros_are_not_at_all():
    network = vae(label_size=3)
    noise, label = torch.randn(2, 4), torch.randn(2, 3)
    told = network.sample(noise, {"augmentation": label})
    torch.testing.assert_close(told, network.decode(noise, label))
    assert not torch.allclose(told, network.sample(noise))
    torch.testing.assert_close(
        network.sample(noise), network.sample(noise, {"augmentation": torch.zeros(2, 3)})
    )
    answer, _ = network(images(2), label)
    assert answer.shape == (2, 1, 16, 16)
    assert network.reconstruct(images(2)).shape == (2, 1, 16, 16)


def test_without_label_size_a_label_is_not_heard():
    network, noise = vae(), torch.randn(2, 4)
    told = network.sample(noise, {"augmentation": torch.randn(2, 3)})
    assert torch.equal(told, network.sample(noise))


def test_refuses_a_label_of_another_length():
    with pytest.raises(ModelError, match=r"shape \(2, 5\): this 'vae' expects \(2, 3\)"):
        vae(label_size=3).decode(torch.randn(2, 4), torch.randn(2, 5))


def test_the_noise_is_stored_but_is_no_parameter():
    network = vae()
    assert network.state_dict()["log_noise_variance"].shape == ()
    assert network.log_noise_variance.dtype == torch.float32
    assert math.isclose(float(network.log_noise_variance), 2 * math.log(0.1), rel_tol=1e-6)
    with_mixture = vae(sampling={"name": "mixture"})
    assert count_parameters(with_mixture) == count_parameters(network)


def test_refuses_pixels_that_would_leave_the_unit_range():
    with pytest.raises((ConfigError, ValueError), match="greater than or equal to 1"):
        VAEConfig(**SMALL, pixel_scale=0.5)
