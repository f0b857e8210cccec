import math

import pytest
import torch
from torch import nn

from mrigen.errors import DataError
from mrigen.evaluation.case import generate
from mrigen.evaluation.generation.distances import evaluate_generation
from mrigen.metrics.features import FeatureExtractor


class Flatten(nn.Module):
    """Features that are the pixels themselves, standing in for the slow network."""

    def __init__(self):
        super().__init__()
        self.anchor = nn.Parameter(torch.zeros(()))

    def forward(self, images):
        return images.flatten(1)


class Spread(nn.Module):
    noise_shape = (1, 6, 6)

    def __init__(self, shift=0.0):
        super().__init__()
        self.shift = nn.Parameter(torch.tensor(shift))

    def sample(self, noise, conditions=None):
        return (0.5 + 0.1 * noise + self.shift).clamp(0, 1)


def pixels():
    return FeatureExtractor(
        "pixels", Flatten(), features=36, channels=1, size=6, value_range=(0.0, 1.0)
    )


def real(count, seed):
    generator = torch.Generator().manual_seed(seed)
    return (0.5 + 0.1 * torch.randn(count, 1, 6, 6, generator=generator)).clamp(0, 1)


def judge(network, *, test=None, train=None, seed=0):
    test = real(80, 1) if test is None else test
    train = real(80, 2) if train is None else train
    return evaluate_generation(
        network, test=test.split(7), train=train.split(32), extractor=pixels(), seed=seed
    )


def test_a_perfect_generator_scores_about_the_floor_and_a_wrong_one_far_above():
    good, bad = judge(Spread()), judge(Spread(0.3))
    assert good["frechet_ratio"] == pytest.approx(1, abs=0.2)
    assert bad["frechet_ratio"] > 5
    assert good["frechet_floor"] == bad["frechet_floor"]
    assert good["frechet_samples"] == 80
    assert good["frechet_ratio"] == good["frechet_distance"] / good["frechet_floor"]


def test_the_same_seed_gives_the_same_numbers():
    assert judge(Spread(), seed=3) == judge(Spread(), seed=3)
    assert judge(Spread(), seed=3) != judge(Spread(), seed=4)


def test_identical_splits_have_no_ratio_rather_than_infinity():
    constant = torch.full((5, 1, 6, 6), 0.5)
    metrics = judge(Spread(), test=constant, train=constant)
    assert "frechet_ratio" not in metrics
    assert all(math.isfinite(value) for value in metrics.values())


def test_images_are_drawn_from_consecutive_seeds():
    many = torch.cat(list(generate(Spread(), 70, seed=5)))
    assert many.shape == (70, 1, 6, 6)
    later = torch.cat(list(generate(Spread(), 3, seed=70)))
    assert torch.equal(many[65:68], later)


def test_uneven_and_tiny_splits_are_refused():
    with pytest.raises(DataError, match="80 test slices cannot be compared with 79"):
        judge(Spread(), train=real(79, 2))
    with pytest.raises(DataError, match="at least two"):
        judge(Spread(), test=real(1, 1), train=real(1, 2))
