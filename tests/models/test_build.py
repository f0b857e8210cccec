"""Every network: its published size and its refusals; tests/contracts has its promises."""

import pytest
import torch
from pydantic import TypeAdapter

from mrigen.errors import ModelError
from mrigen.models.build import NetworkConfig, build_network, count_parameters
from small_models import MODELS, SIZE

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


def small(name: str, image_size: int = SIZE) -> torch.nn.Module:
    torch.manual_seed(0)
    return build_network(PARSE(MODELS[name][0]), image_size)


@pytest.mark.parametrize(("config", "size", "part", "trainable", "total"), PUBLISHED)
def test_has_the_published_number_of_parameters(config, size, part, trainable, total):
    with torch.device("meta"):
        network = build_network(PARSE(config), size)
    assert count_parameters(network.get_submodule(part)) == (trainable, total)


@pytest.mark.parametrize(("height", "width"), [(33, 47), (5, 32), (64, 31)])
def test_unet_takes_any_size(height, width):
    answer = small("unet").eval().reconstruct(torch.rand(1, 1, height, width))
    assert answer.shape == (1, 1, height, width)


@pytest.mark.parametrize("name", ["unet", "unet_direct"])
@pytest.mark.parametrize("seed", range(25))
def test_unet_never_starts_dead(name, seed):
    torch.manual_seed(seed)
    network = build_network(PARSE(MODELS[name][0]), SIZE)
    answer = network(torch.rand(2, 1, SIZE, SIZE))
    answer.sum().backward()
    assert answer.max() > 0
    assert network.encoder[0][0].weight.grad.abs().sum() > 0


@pytest.mark.parametrize(
    ("name", "size", "words"),
    [
        ("vae", 18, "multiple of 4"),
        ("vqvae_prior", 18, "multiple of 4"),
        ("gan4", 15, "multiple of 2"),
        ("gan7", 18, "multiple of 4"),
        ("gan15", 20, "multiple of 8"),
        ("shallow", 18, "multiple of 4"),
        ("skip_cae", 18, "multiple of 4"),
        ("residual_unet", 18, "multiple of 4"),
        ("myronenko_cae", 18, "multiple of 4"),
    ],
)
def test_refuses_sizes_it_cannot_make(name, size, words):
    with pytest.raises(ModelError, match=words):
        small(name, size)


def test_refuses_absurd_sizes_before_it_takes_memory():
    config = PARSE({"name": "vae", "latent_size": 4096, "base_channels": 256})
    with pytest.raises(ModelError, match=r"parameters: expected at most 1,073,741,824"):
        build_network(config, 1024)


def test_vae_refuses_images_of_another_size():
    with pytest.raises(ModelError, match=r"\(N, 1, 16, 16\).*not \(2, 1, 64, 64\)"):
        small("vae").reconstruct(torch.rand(2, 1, 64, 64))


def test_vae_posterior_draw_has_its_mean_and_variance():
    network = small("vae").eval()
    with torch.inference_mode():
        posterior = network.encode(torch.rand(1, 1, SIZE, SIZE))
    torch.manual_seed(0)
    draws = torch.stack([posterior.draw()[0] for _ in range(4000)])
    std = torch.exp(0.5 * posterior.log_variance[0])
    assert torch.allclose(draws.mean(0), posterior.mean[0], atol=0.1 * float(std.max()))
    assert torch.allclose(draws.std(0), std, rtol=0.1)
