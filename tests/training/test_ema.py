"""The average of the weights, and of what is counted beside them."""

import torch
from torch import nn

from mrigen.training.ema import ExponentialMovingAverage


class Counting(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(2))
        self.register_buffer("mean", torch.zeros(2))
        self.register_buffer("count", torch.tensor(0))
        self.register_buffer("scratch", torch.zeros(1), persistent=False)


def test_weights_and_means_are_averaged_and_counts_are_copied():
    network = Counting()
    average = ExponentialMovingAverage(network, 0.5)
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
    average = ExponentialMovingAverage(network, 0.5)
    network.mean = torch.full((2,), 4.0)
    average.update(1000)
    assert average.network.mean.tolist() == [2, 2]


def test_the_first_steps_forget_the_initial_weights():
    network = Counting()
    average = ExponentialMovingAverage(network, 0.999)
    with torch.no_grad():
        network.weight.fill_(1)
    average.update(0)
    assert torch.allclose(average.network.weight, torch.tensor(0.9))
