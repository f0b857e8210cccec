"""The vector-quantised autoencoder: the study's layers, and both kinds of network."""

import pytest
import torch
from pydantic import TypeAdapter, ValidationError

from mrigen.errors import ModelError
from mrigen.models.blocks import SameConvTranspose2d
from mrigen.models.build import NetworkConfig, build_network
from mrigen.models.interfaces import Reconstructor, Sampler

PARSE = TypeAdapter(NetworkConfig).validate_python

SMALL = {"name": "vqvae", "base_channels": 4, "depth": 3, "latent_size": 5, "num_codes": 11}
FINITE = SMALL | {"codebook": "finite_scalar", "levels": [5, 4]}
PRIOR = {"width": 16, "layers": 2, "heads": 2}


def built(config: dict, image_size: int = 32):
    torch.manual_seed(0)
    return build_network(PARSE(config), image_size).eval()


def widths(network, part: str) -> list[tuple[int, int]]:
    """Channels and height of every convolution's answer."""
    seen = []
    for layer in network.get_submodule(part):
        if isinstance(layer, torch.nn.Conv2d | torch.nn.ConvTranspose2d):
            layer.register_forward_hook(lambda _m, _i, out: seen.append(tuple(out.shape[1:3])))
    network(torch.zeros(1, 1, network.image_size, network.image_size))
    return seen


def test_has_the_layers_of_the_study():
    network = built({"name": "vqvae"}, 128)
    assert widths(network, "encoder") == [
        (32, 64), (32, 32), (64, 16), (64, 8), (64, 4), (64, 2), (16, 2),
    ]  # fmt: skip
    assert widths(network, "decoder") == [
        (64, 4), (64, 8), (64, 16), (32, 32), (1, 64), (1, 128),
    ]  # fmt: skip
    assert network.quantiser.vectors.shape == (128, 16)
    assert network.quantiser.vectors.abs().max() <= 0.05


def test_a_wide_output_mirrors_the_encoder():
    network = built({"name": "vqvae", "narrow_output": False}, 128)
    assert widths(network, "decoder")[-2:] == [(32, 64), (1, 128)]


@pytest.mark.parametrize("depth", [1, 2, 5])
@pytest.mark.parametrize("narrow", [True, False])
def test_works_at_any_depth(depth, narrow):
    network = built(SMALL | {"depth": depth, "narrow_output": narrow})
    images = torch.rand(2, 1, 32, 32)
    assert network.encode_codes(images).shape == (2, 32 // 2**depth, 32 // 2**depth)
    assert network.reconstruct(images).shape == images.shape
    doublings = [m for m in network.decoder if isinstance(m, SameConvTranspose2d)]
    assert len(doublings) == depth


def test_pixel_scale_multiplies_what_comes_in_and_divides_what_goes_out():
    plain, scaled = built(SMALL), built(SMALL | {"pixel_scale": 2})
    images = torch.rand(3, 1, 32, 32) / 2
    assert torch.equal(scaled.encode_codes(images), plain.encode_codes(2 * images))
    assert torch.equal(scaled.reconstruct(images), plain.reconstruct(2 * images) / 2)


@pytest.mark.parametrize("config", [SMALL, SMALL | {"codebook": "ema"}, FINITE])
def test_a_reconstruction_depends_on_the_codes_alone(config):
    network = built(config)
    images = torch.rand(3, 1, 32, 32)
    codes = network.encode_codes(images)
    assert torch.equal(network.decode_codes(codes), network.reconstruct(images))
    torch.testing.assert_close(network(images)[0], network.reconstruct(images))


def test_only_with_a_prior_it_generates():
    plain, generative = built(FINITE), built(FINITE | {"code_prior": PRIOR})
    assert isinstance(plain, Reconstructor)
    assert not isinstance(plain, Sampler)
    assert isinstance(generative, Reconstructor)
    assert isinstance(generative, Sampler)
    assert generative.noise_shape == (16,)
    noise = torch.randn(3, 16)
    codes = generative.code_prior.draw(noise).view(3, 4, 4)
    assert torch.equal(generative.sample(noise), generative.decode_codes(codes))


def test_the_prior_leaves_the_autoencoder_as_it_would_be():
    plain, generative = built(FINITE), built(FINITE | {"code_prior": PRIOR})
    images = torch.rand(2, 1, 32, 32)
    assert torch.equal(plain.encode_codes(images), generative.encode_codes(images))
    assert torch.equal(plain.reconstruct(images), generative.reconstruct(images))


def test_finite_levels_set_the_width_and_the_number_of_codes():
    network = built(FINITE | {"code_prior": PRIOR})
    assert network.autoencoder.num_codes == network.code_prior.num_codes == 20
    assert network.autoencoder.encoder[-1].out_channels == 2


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"codebook": "finite_scalar"}, "with no other codebook"),
        ({"levels": [5, 5]}, "with no other codebook"),
        ({"codebook": "finite_scalar", "levels": [5, 2]}, "3 or more each, not 2"),
        ({"codebook": "finite_scalar", "levels": [64, 64, 17]}, "65536 codes at most, not 69632"),
        ({"codebook": "finite_scalar", "levels": []}, "at least 1 item"),
        ({"code_prior": {"width": 10, "heads": 4}}, "not 10 channels for 4 heads"),
        ({"pixel_scale": 0.5}, "greater than or equal to 1"),
        ({"num_codes": 1}, "greater than or equal to 2"),
    ],
)
def test_refuses_settings_that_cannot_work(changes, words):
    with pytest.raises(ValidationError, match=words):
        PARSE(SMALL | changes)


def test_refuses_sizes_it_cannot_halve_and_images_of_another_size():
    with pytest.raises(ModelError, match="multiple of 8"):
        built(SMALL, 36)
    with pytest.raises(ModelError, match=r"\(N, 1, 32, 32\), not \(2, 1, 64, 64\)"):
        built(SMALL).reconstruct(torch.rand(2, 1, 64, 64))
