"""The average of the weights, and of what is counted beside them."""

import pytest
import torch
from torch import nn

from mrigen.training.ema import ExponentialMovingAverage, weight_of_decay, weight_of_half_life


class Counting(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(2))
        self.register_buffer("mean", torch.zeros(2))
        self.register_buffer("count", torch.tensor(0))
        self.register_buffer("scratch", torch.zeros(1), persistent=False)


def test_weights_and_means_are_averaged_and_counts_are_copied():
    network = Counting()
    average = ExponentialMovingAverage(network, weight_of_decay(0.5))
    with torch.no_grad():
        network.weight.fill_(1)
        network.mean.fill_(2)
        network.scratch.fill_(3)
        network.count += 7
    average.update(1000)
    assert average.network.weight.tolist() == [0.5, 0.5]
    assert average.network.mean.tolist() == [1, 1]
    assert average.network.count == 7
    assert average.network.scratch == 0
    assert not average.network.weight.requires_grad


def test_a_buffer_that_was_replaced_is_still_followed():
    network = Counting()
    average = ExponentialMovingAverage(network, weight_of_decay(0.5))
    network.mean = torch.full((2,), 4.0)
    average.update(1000)
    assert average.network.mean.tolist() == [2, 2]


def test_a_frozen_weight_is_left_as_it_was_copied():
    network = Counting()
    network.weight.requires_grad_(False)
    average = ExponentialMovingAverage(network, weight_of_decay(0.5))
    with torch.no_grad():
        average.network.weight.fill_(3)
        network.mean.fill_(2)
    average.update(1000)
    assert average.network.weight.tolist() == [3, 3]
    assert average.network.mean.tolist() == [1, 1]


def test_the_first_steps_forget_the_initial_weights():
    network = Counting()
    average = ExponentialMovingAverage(network, weight_of_decay(0.999))
    with torch.no_grad():
        network.weight.fill_(1)
    average.update(0)
    assert torch.allclose(average.network.weight, torch.tensor(0.9))


def averaged(values: list[float], *half_lives: float) -> list[float]:
    """Average one weight over a training that gives it these values."""
    network = Counting()
    averages = [
        ExponentialMovingAverage(network, weight_of_half_life(share)) for share in half_lives
    ]
    for step, value in enumerate(values):
        with torch.no_grad():
            network.weight.fill_(value)
        for average in averages:
            average.update(step)
    return [float(average.network.weight[0]) for average in averages]


@pytest.mark.parametrize("half_life", [0.02, 0.1, 0.25, 0.5])
@pytest.mark.parametrize("steps", [100, 400])
def test_half_of_an_average_comes_from_the_last_share_of_the_steps(half_life, steps):
    last = round(half_life * steps)
    (late,) = averaged([0.0] * (steps - last) + [1.0] * last, half_life)
    assert late == pytest.approx(0.5, abs=1e-5)
    # And half of the rest from the same share of what was before.
    before = round(half_life * (steps - last))
    early = steps - last - before
    (late,) = averaged([0.0] * early + [1.0] * (before + last), half_life)
    assert late == pytest.approx(0.75, abs=0.01)


def test_a_half_life_of_half_the_steps_is_the_plain_mean():
    (mean,) = averaged([1.0, 2.0, 4.0, 9.0], 0.5)
    assert mean == pytest.approx(4.0)


@pytest.mark.parametrize("half_life", [0.01, 0.1, 0.5])
def test_the_initial_weights_are_forgotten_at_once(half_life):
    assert averaged([7.0], half_life) == [7.0]


@pytest.mark.parametrize("half_life", [0.01, 0.1, 0.5])
def test_weights_that_do_not_move_stay_put(half_life):
    value = float(torch.tensor(0.1))
    assert averaged([value] * 500, half_life) == [value]


def test_averages_of_one_network_do_not_know_of_each_other():
    values = torch.randn(50, generator=torch.Generator().manual_seed(0)).tolist()
    assert averaged(values, 0.05, 0.3) == averaged(values, 0.05) + averaged(values, 0.3)
