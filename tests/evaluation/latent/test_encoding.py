import numpy as np
import pytest
import torch

from mrigen.evaluation.latent.encoding import encode_rows, encoder_of
from planted_people import SIZE, case_of, planted_store
from small_models import build, phantoms

assert SIZE == 16  # as the small models


def test_of_a_vae_the_posterior_means():
    network = build("vae").eval()
    with torch.no_grad():
        assert torch.equal(encoder_of(network)(phantoms()), network.encode(phantoms()).mean)


@pytest.mark.parametrize("model", ["vqvae", "vqvae_finite", "vqvae_prior"])
def test_of_codes_their_vectors(model):
    network = build(model).eval()
    autoencoder = getattr(network, "autoencoder", network)
    with torch.no_grad():
        codes = encoder_of(network)(phantoms())
        assert codes.shape == (
            8,
            autoencoder.quantiser.look_up(torch.zeros(1, 4, 4).long()).numel(),
        )
        grid = codes.view(8, -1, 4, 4)
        assert torch.equal(autoencoder.decode(grid), network.reconstruct(phantoms()))


@pytest.mark.parametrize("model", ["gan7", "unet", "skip_cae", "myronenko_cae"])
def test_of_other_networks_nothing(model):
    assert encoder_of(build(model)) is None


def test_rows_are_encoded_in_parts(tmp_path):
    store = planted_store(tmp_path / "heads")
    network = build("vae").eval()
    case = case_of(store, network, tmp_path)
    rows = np.arange(len(store))[::-1]
    codes = encode_rows(case, encoder_of(network), rows)
    with torch.no_grad():
        expected = network.encode(case.images(rows)).mean
    assert codes.shape == (144, 8)
    assert np.allclose(codes, expected.numpy(), atol=1e-6)
