"""Random pixels: their statistics, and that they depend on seed and place alone."""

import numpy as np
import pytest
import torch
from scipy import stats

from damage import damage, heads
from mrigen.data.corruptions.pixel_noise import (
    SEED_LIMIT,
    normal_pixels,
    random_bits,
    uniform_pixels,
    upper_bits,
)

FLAT = torch.full((64, 1, 64, 64), 0.5)


def bits(seeds=range(64), shape=(1, 64, 64)):
    values = np.array(list(seeds), np.float64)
    return random_bits(values, torch.empty(len(values), *shape))


def splitmix(state):
    """Return the next state and output, as the authors' C code does."""
    state = (state + 0x9E3779B97F4A7C15) % 2**64
    word = ((state ^ (state >> 30)) * 0xBF58476D1CE4E5B9) % 2**64
    word = ((word ^ (word >> 27)) * 0x94D049BB133111EB) % 2**64
    return state, word ^ (word >> 31)


def test_pixels_are_the_outputs_of_splitmix64():
    # The published first outputs for seed 1234567.
    state, words = 1234567, []
    for _ in range(3):
        state, word = splitmix(state)
        words.append(word)
    assert words == [6457827717110365317, 3203168211198807973, 9817491932198370423]
    seed = 42
    _, start = splitmix((seed - 1) * 0x9E3779B97F4A7C15 % 2**64)
    state, expected = start, []
    for _ in range(12):
        state, word = splitmix(state)
        expected.append(word)
    assert [word % 2**64 for word in bits([seed], (1, 3, 4)).flatten().tolist()] == expected


@pytest.mark.parametrize("seed", [0, 1, SEED_LIMIT - 1])
def test_a_seed_gives_the_same_pixels_in_any_company(seed):
    alone = bits([seed])
    assert torch.equal(alone[0], bits([5, seed, 9])[1])
    assert len(alone.unique()) == 64 * 64


def test_uniform_pixels_are_uniform():
    values = uniform_pixels(bits()).flatten().numpy()
    assert values.min() >= 0
    assert values.max() < 1
    assert stats.kstest(values, "uniform").pvalue > 1e-3


@pytest.mark.parametrize("half", ["lower", "upper"])
def test_normal_pixels_are_normal(half):
    words = bits() if half == "lower" else upper_bits(bits())
    values = normal_pixels(words).flatten().double().numpy()
    count = len(values)
    assert abs(values.mean()) < 4 / np.sqrt(count)
    assert abs(values.var() - 1) < 4 * np.sqrt(2 / count)
    assert abs(stats.skew(values)) < 4 * np.sqrt(6 / count)
    assert abs(stats.kurtosis(values)) < 4 * np.sqrt(24 / count)
    assert stats.kstest(values, "norm").pvalue > 1e-3
    assert values.max() > 4


def test_neighbours_seeds_and_halves_are_not_correlated():
    words = bits()
    noise, other = normal_pixels(words), normal_pixels(upper_bits(words))
    limit = 4.5 / np.sqrt(noise.numel())
    products = {
        "columns": noise[..., 1:] * noise[..., :-1],
        "rows": noise[..., 1:, :] * noise[..., :-1, :],
        "seeds": noise[1:] * noise[:-1],
        "halves": noise * other,
        "halves of neighbours": noise[..., 1:] * other[..., :-1],
        "sizes of neighbours": (noise[..., 1:] ** 2 - 1) * (noise[..., :-1] ** 2 - 1) / 2,
    }
    for name, product in products.items():
        assert abs(float(product.double().mean())) < limit, name


def test_gaussian_noise_has_its_deviation():
    answer = damage(FLAT, {"name": "gaussian_noise", "std": 0.04}).images - 0.5
    assert float(answer.std()) == pytest.approx(0.04, rel=0.01)
    assert abs(float(answer.mean())) < 5e-4


def test_deviations_are_drawn_over_the_range():
    step = {"name": "gaussian_noise", "std": [0, 0.04]}
    spread = damage(FLAT.expand(64, 1, 64, 64), step).images.flatten(1).std(1)
    assert stats.kstest(spread.numpy() / 0.04, "uniform").pvalue > 1e-3


def test_rician_noise_has_the_moments_of_its_law():
    for level in (0.0, 0.05, 0.5):
        answer = damage(FLAT * 0 + level, {"name": "rician_noise", "std": 0.05}).images
        law = stats.rice(level / 0.05, scale=0.05)
        assert float(answer.mean()) == pytest.approx(law.mean(), rel=0.01)
        assert float(answer.std()) == pytest.approx(law.std(), rel=0.01)


def test_dropout_drops_its_share_and_scales_the_others():
    answer = damage(FLAT, {"name": "pixel_dropout", "rate": 0.04}).images
    dropped = answer == 0
    assert float(dropped.float().mean()) == pytest.approx(0.04, rel=0.05)
    assert torch.allclose(answer[~dropped], torch.tensor(0.5 / 0.96))
    plain = {"name": "pixel_dropout", "rate": 0.04, "scale_survivors": False}
    assert torch.equal(damage(FLAT, plain).images, 0.5 * ~dropped)


def test_a_weaker_dropout_drops_some_of_the_same_pixels():
    step = {"name": "pixel_dropout", "rate": 0.3}
    clean = heads(4) + 0.1
    full, half = (damage(clean, step, strength=strength).images == 0 for strength in (1, 0.5))
    assert not (half & ~full).any()
    assert 0.4 < half.sum() / full.sum() < 0.6


def test_noise_of_two_steps_and_two_items_differs():
    step = {"name": "gaussian_noise", "std": 0.04}
    once, twice = damage(FLAT[:2], step).images - 0.5, damage(FLAT[:2], step, step).images - 0.5
    assert float(twice.std()) == pytest.approx(0.04 * np.sqrt(2), rel=0.05)
    assert abs(float((once[0] * once[1]).mean())) < 1e-4
