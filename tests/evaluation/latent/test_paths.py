import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mrigen.evaluation.latent.paths import spherical_path, straight_paths


def draws(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@given(st.integers(0, 1000), st.integers(2, 12))
def test_a_path_begins_and_ends_where_it_should(seed, steps):
    first, second = draws(2, 3, 4, seed=seed)
    path = spherical_path(first, second, steps=steps)
    assert path.shape == (steps, 3, 4)
    assert torch.allclose(path[0], first, atol=1e-6)
    assert torch.allclose(path[-1], second, atol=1e-6)


def test_the_direction_turns_and_the_length_changes_evenly():
    first, second = torch.tensor([1.0, 0.0, 0.0]), torch.tensor([0.0, 3.0, 0.0])
    path = spherical_path(first, second, steps=5)
    assert path.norm(dim=1).tolist() == pytest.approx([1, 1.5, 2, 2.5, 3])
    angles = torch.atan2(path[:, 1], path[:, 0])
    assert angles.tolist() == pytest.approx([number * math.pi / 8 for number in range(5)])


def test_noise_keeps_the_length_of_noise():
    first, second = draws(2, 1000)
    middle = spherical_path(first, second, steps=3)[1].norm() / math.sqrt(1000)
    straight = ((first + second) / 2).norm() / math.sqrt(1000)
    assert abs(middle - 1) < 0.05
    assert straight < 0.75


@pytest.mark.parametrize("factor", [1.0, 2.0, -1.0, 0.0])
def test_without_an_angle_the_way_is_straight(factor):
    start = torch.tensor([1.0, 2.0])
    path = spherical_path(start, factor * start, steps=3)
    assert torch.allclose(path[1], (1 + factor) / 2 * start)


def test_one_number_goes_straight():
    assert spherical_path(torch.ones(1), -torch.ones(1), steps=3).flatten().tolist() == [1, 0, -1]


def test_a_traversal_changes_one_latent_by_three_standard_deviations():
    centre, spread = torch.tensor([1.0, 2.0, 3.0]), torch.tensor([0.5, 0.1, 2.0])
    paths = straight_paths(centre, spread, chosen=torch.tensor([2, 0]), steps=3)
    assert paths.shape == (2, 3, 3)
    assert paths[0].tolist() == [[1, 2, -3], [1, 2, 3], [1, 2, 9]]
    assert paths[1].tolist() == [[-0.5, 2, 3], [1, 2, 3], [2.5, 2, 3]]
