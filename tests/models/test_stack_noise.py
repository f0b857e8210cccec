import numpy as np
import pytest
import torch

from mrigen.models.stack_noise import stack_noise
from mrigen.seeds import seeded_noise

SHAPE = (1, 32, 32)


def correlation(first, second):
    return float(np.corrcoef(first.flatten(), second.flatten())[0, 1])


def test_one_noise_is_that_of_the_seed_in_every_slice():
    noise = stack_noise(3, [0.0, 2.0, 40.0], SHAPE)
    assert torch.equal(noise, seeded_noise([3, 3, 3], SHAPE))


@pytest.mark.parametrize("turn_mm", [None, 10.0])
def test_a_slice_depends_on_its_own_position_alone(turn_mm):
    whole = stack_noise(3, [-12.0, -2.0, 0.0, 7.0, 30.0], SHAPE, turn_mm=turn_mm)
    part = stack_noise(3, [7.0, -2.0], SHAPE, turn_mm=turn_mm)
    assert torch.equal(part, whole[[3, 1]])
    assert not torch.equal(stack_noise(4, [7.0], SHAPE, turn_mm=turn_mm), part[:1])


def test_turning_noise_is_standard_normal_everywhere():
    noise = stack_noise(0, np.arange(0, 200, 2.5).tolist(), SHAPE, turn_mm=10.0)
    assert noise.dtype == torch.float32
    spread = noise.flatten(1).std(1)
    assert spread.sub(1).abs().max() < 0.1
    assert noise.flatten(1).mean(1).abs().max() < 0.15


def test_turning_noise_resembles_its_neighbours_and_nothing_far_away():
    noise = stack_noise(0, [20.0, 21.0, 25.0, 30.0, 45.0], SHAPE, turn_mm=10.0).numpy()
    close = [correlation(noise[0], other) for other in noise[1:]]
    assert close[0] == pytest.approx(np.cos(np.pi / 20), abs=0.03)
    assert close[1] == pytest.approx(np.cos(np.pi / 4), abs=0.1)
    assert max(map(abs, close[2:])) < 0.1
