import pytest
import torch
from scipy import stats

from mrigen.evaluation.anomaly.maps import reconstruction_probability_map
from mrigen.evaluation.config import AnomalyConfig
from mrigen.models.surprise import DRAWS, least_surprise, surprise_chunk
from small_bundles import SIZE, network


def images(count):
    return torch.rand(count, 1, SIZE, SIZE, generator=torch.Generator().manual_seed(1))


def test_the_least_surprise_is_that_of_an_answer_without_error():
    vae = network("vae")
    spread = float(vae.log_noise_variance.exp().sqrt())
    assert least_surprise(vae) == pytest.approx(-stats.norm(0, spread).logpdf(0))


def test_a_chunk_counts_from_the_least_with_the_draws_of_an_evaluation():
    assert AnomalyConfig().draws == DRAWS
    vae, few = network("vae"), images(5)
    expected = reconstruction_probability_map(vae, few, draws=DRAWS, seed=0) - least_surprise(vae)
    torch.testing.assert_close(surprise_chunk(vae, few), expected.clamp(min=0))


def test_a_row_does_not_depend_on_its_company():
    vae, few = network("vae"), images(5)
    assert torch.equal(surprise_chunk(vae, few[3:4]), surprise_chunk(vae, few)[3:4])
