"""Every network: its size, its promises, its refusals."""

import pytest
import torch
from pydantic import TypeAdapter

from mrigen.errors import ModelError
from mrigen.models.build import NetworkConfig, build_network, count_parameters
from mrigen.models.interfaces import Reconstructor, Sampler
from mrigen.models.sampling import draw_samples

PARSE = TypeAdapter(NetworkConfig).validate_python

# Counts of the studies: (trainable, with batch-norm statistics) of each part as they publish it.
PUBLISHED = [
    ({"name": "vae"}, 128, "encoder", 38_058_320, 38_061_104),
    ({"name": "vae"}, 128, "decoder", 21_292_369, 21_293_105),
    ({"name": "vae"}, 128, "", 59_350_689, 59_354_209),
    ({"name": "feliu_gan", "depth": 4}, 112, "generator", 20_072_001, 20_072_001),
    ({"name": "feliu_gan"}, 112, "generator", 21_096_577, 21_096_961),
    ({"name": "feliu_gan", "depth": 15}, 112, "generator", 8_092_929, 8_094_081),
    ({"name": "feliu_gan"}, 112, "discriminator", 282_497, 282_881),
    ({"name": "unet"}, 64, "", 31_031_685, 31_031_685),
    ({"name": "unet", "paired_output": False}, 64, "", 31_030_593, 31_030_593),
    ({"name": "shallow_residual_ae"}, 128, "", 459_553, 460_609),
    ({"name": "shallow_residual_ae", "doubled_norms": True}, 128, "", 460_385, 462_273),
    ({"name": "shallow_residual_ae", "block": "original"}, 128, "", 459_745, 460_993),
    (
        {"name": "shallow_residual_ae", "block": "original", "doubled_norms": True},
        128,
        "",
        460_257,
        462_017,
    ),
    ({"name": "skip_cae"}, 128, "", 190_369, 191_041),
    ({"name": "residual_unet"}, 128, "", 482_593, 483_649),
    ({"name": "myronenko_cae"}, 128, "", 989_345, 991_041),
    ({"name": "vqvae"}, 128, "encoder", 248_272, 248_912),
    ({"name": "vqvae"}, 128, "decoder", 181_428, 181_878),
    ({"name": "vqvae"}, 128, "", 431_748, 432_838),
    ({"name": "vqvae", "num_codes": 64}, 128, "", 430_724, 431_814),
]

SMALL = {
    "vae": {"name": "vae", "latent_size": 8, "base_channels": 2, "depth": 3},
    "gan4": {"name": "feliu_gan", "depth": 4, "latent_size": 6, "base_channels": 4},
    "gan7": {"name": "feliu_gan", "depth": 7, "latent_size": 6, "base_channels": 4},
    "gan15": {"name": "feliu_gan", "depth": 15, "latent_size": 6, "base_channels": 4},
    "unet": {"name": "unet", "base_channels": 4, "depth": 2},
    "unet_direct": {"name": "unet", "base_channels": 4, "depth": 2, "paired_output": False},
    "shallow": {"name": "shallow_residual_ae", "base_channels": 4, "depth": 2},
    "shallow_original": {
        "name": "shallow_residual_ae",
        "base_channels": 4,
        "block": "original",
        "doubled_norms": True,
    },
    "skip_cae": {"name": "skip_cae", "base_channels": 4, "depth": 2},
    "residual_unet": {"name": "residual_unet", "base_channels": 4, "depth": 4},
    "myronenko_cae": {"name": "myronenko_cae", "base_channels": 4, "depth": 2},
    "vqvae": {"name": "vqvae", "base_channels": 4, "depth": 3, "num_codes": 16},
    "vqvae_prior": {
        "name": "vqvae",
        "base_channels": 4,
        "depth": 3,
        "codebook": "finite_scalar",
        "levels": [5, 4],
        "code_prior": {"width": 16, "layers": 2, "heads": 2},
    },
}


def small(name: str, image_size: int = 32) -> torch.nn.Module:
    torch.manual_seed(0)
    return build_network(PARSE(SMALL[name]), image_size)


@pytest.mark.parametrize(("config", "size", "part", "trainable", "total"), PUBLISHED)
def test_has_the_published_number_of_parameters(config, size, part, trainable, total):
    with torch.device("meta"):
        network = build_network(PARSE(config), size)
    assert count_parameters(network.get_submodule(part)) == (trainable, total)


@pytest.mark.parametrize("name", SMALL)
def test_answers_images_in_the_unit_range(name):
    network = small(name).eval()
    images = torch.rand(3, 1, 32, 32)
    answers = []
    if isinstance(network, Reconstructor):
        answers.append(network.reconstruct(images))
    if isinstance(network, Sampler):
        answers.append(network.sample(torch.randn(3, *network.noise_shape)))
    assert answers
    for answer in answers:
        assert answer.shape == (3, 1, 32, 32)
        assert answer.dtype == torch.float32
        assert answer.min() >= 0
        assert answer.max() <= 1


@pytest.mark.parametrize("name", SMALL)
def test_gradient_reaches_every_parameter(name):
    network = small(name)
    images = torch.rand(4, 1, 32, 32)
    if name == "vae":
        answer = network(images)[0]
    elif name.startswith("vqvae"):
        answer = quantised_answer(network, images)
    elif not isinstance(network, Sampler):
        answer = network(images)
    else:
        answer = network.discriminator(network.sample(torch.randn(4, *network.noise_shape)))
    (answer * torch.rand(answer.shape)).sum().backward()
    still = [key for key, value in network.named_parameters() if value.grad is None]
    assert not still


def quantised_answer(network, images):
    """Also through the codebook and the prior, which learn by terms of their own."""
    part = "autoencoder" if isinstance(network, Sampler) else ""
    restored, quantised = network.get_submodule(part)(images)
    answer = restored + quantised.nearest.mean()
    if isinstance(network, Sampler):
        answer = answer + network.code_prior(quantised.codes.flatten(1)).mean()
    return answer


@pytest.mark.parametrize("name", SMALL)
def test_evaluation_does_not_depend_on_the_rest_of_the_batch(name):
    network = small(name).eval()
    if isinstance(network, Sampler):
        noise = torch.randn(5, *network.noise_shape)
        whole, one = network.sample(noise), network.sample(noise[2:3])
    else:
        images = torch.rand(5, 1, 32, 32)
        whole, one = network.reconstruct(images), network.reconstruct(images[2:3])
    torch.testing.assert_close(whole[2:3], one)


@pytest.mark.parametrize("name", SMALL)
def test_runs_in_bfloat16(name):
    network = small(name)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        if isinstance(network, Sampler):
            answer = network.sample(torch.randn(2, *network.noise_shape))
        else:
            answer = network.reconstruct(torch.rand(2, 1, 32, 32))
    assert torch.isfinite(answer).all()


@pytest.mark.parametrize("name", SMALL)
def test_same_seed_gives_the_same_weights(name):
    first, second = small(name).state_dict(), small(name).state_dict()
    assert all(torch.equal(first[key], second[key]) for key in first)


@pytest.mark.parametrize("name", ["vae", "gan4", "gan7", "gan15", "vqvae_prior"])
def test_a_sample_depends_on_its_seed_alone(name):
    network = small(name).eval()
    many = draw_samples(network, range(40))
    alone = draw_samples(network, [37])
    assert torch.equal(many[37:38], alone)
    assert not torch.equal(many[0], many[1])


@pytest.mark.parametrize(("height", "width"), [(33, 47), (5, 32), (64, 31)])
def test_unet_takes_any_size(height, width):
    answer = small("unet").eval().reconstruct(torch.rand(1, 1, height, width))
    assert answer.shape == (1, 1, height, width)


@pytest.mark.parametrize("seed", range(25))
def test_unet_never_starts_dead(seed):
    torch.manual_seed(seed)
    network = build_network(PARSE(SMALL["unet"]), 32)
    answer = network(torch.rand(2, 1, 32, 32))
    answer.sum().backward()
    assert answer.max() > 0
    assert network.encoder[0][0].weight.grad.abs().sum() > 0


@pytest.mark.parametrize(
    ("name", "size", "words"),
    [("vae", 36, "multiple of 8"), ("gan7", 30, "multiple of 4"), ("gan15", 28, "multiple of 8")],
)
def test_refuses_sizes_it_cannot_make(name, size, words):
    with pytest.raises(ModelError, match=words):
        small(name, size)


def test_refuses_absurd_sizes_before_it_takes_memory():
    config = PARSE({"name": "vae", "latent_size": 4096, "base_channels": 256})
    with pytest.raises(ModelError, match=r"parameters: expected at most 1,073,741,824"):
        build_network(config, 1024)


def test_vae_refuses_images_of_another_size():
    with pytest.raises(ModelError, match=r"\(N, 1, 32, 32\).*not \(2, 1, 64, 64\)"):
        small("vae").reconstruct(torch.rand(2, 1, 64, 64))


def test_vae_posterior_draw_has_its_mean_and_variance():
    network = small("vae").eval()
    with torch.inference_mode():
        posterior = network.encode(torch.rand(1, 1, 32, 32))
    torch.manual_seed(0)
    draws = torch.stack([posterior.draw()[0] for _ in range(4000)])
    std = torch.exp(0.5 * posterior.log_variance[0])
    assert torch.allclose(draws.mean(0), posterior.mean[0], atol=0.1 * float(std.max()))
    assert torch.allclose(draws.std(0), std, rtol=0.1)
