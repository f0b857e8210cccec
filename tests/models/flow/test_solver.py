import math
from itertools import pairwise

import torch

from mrigen.models.flow.solver import follow


def test_the_error_falls_with_the_square_of_the_number_of_steps():
    def velocity(points, times):
        return points * (1 + times.cos())[:, None]  # whose end is known

    noise = torch.ones(1, 1, dtype=torch.float64)
    end = math.exp(1 + math.sin(1))
    errors = [float((follow(velocity, noise, steps=steps) - end).abs()) for steps in (10, 20, 40)]
    for coarse, fine in pairwise(errors):
        assert 3.5 < coarse / fine < 4.5


def test_the_right_velocity_of_a_gaussian_gives_that_gaussian():
    mean, std = 0.7, 0.5

    def velocity(points, times):
        t = times[:, None]
        variance = (1 - t) ** 2 + (t * std) ** 2
        return mean + (t * std**2 - (1 - t)) / variance * (points - t * mean)

    noise = torch.randn(2000, 1, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    # Each point of the noise belongs to one of the Gaussian.
    torch.testing.assert_close(
        follow(velocity, noise, steps=30), mean + std * noise, atol=0.02, rtol=0
    )


def test_a_straight_path_needs_one_step():
    noise, data = torch.randn(3, 1, 4, 4), torch.rand(3, 1, 4, 4)

    def velocity(points, times):
        return data - noise

    for steps in (1, 2, 7):
        torch.testing.assert_close(follow(velocity, noise, steps=steps), data)


def test_the_velocity_is_asked_for_twice_a_step_but_once_in_the_last():
    asked = []

    def velocity(points, times):
        asked.append(float(times[0]))
        assert times.shape == (2,)
        return points

    follow(velocity, torch.ones(2, 1), steps=4)
    assert asked == [0, 0.25, 0.25, 0.5, 0.5, 0.75, 0.75]


def test_a_long_last_step_begins_where_it_should_and_the_others_share_the_rest():
    asked = []

    def velocity(points, times):
        asked.append(round(float(times[0]), 6))
        return points

    follow(velocity, torch.ones(2, 1, dtype=torch.float64), steps=4, last_step=0.4)
    assert asked == [0, 0.2, 0.2, 0.4, 0.4, 0.6, 0.6]


def test_a_last_step_is_never_shorter_than_the_others():
    noise = torch.ones(1, 1)
    ends = [
        follow(lambda points, _: points, noise, steps=5, last_step=each) for each in (0, 0.1, 0.2)
    ]
    assert torch.equal(ends[0], ends[1])
    torch.testing.assert_close(ends[0], ends[2])


def test_the_last_step_may_ask_another():
    def velocity(points, times):
        return torch.ones_like(points)

    ended = follow(
        velocity,
        torch.zeros(1, 1),
        steps=3,
        last_step=0.5,
        last_velocity=lambda points, _: 3 * torch.ones_like(points),
    )
    torch.testing.assert_close(ended, torch.full((1, 1), 2.0))
