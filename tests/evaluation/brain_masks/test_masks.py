import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mrigen.evaluation.brain_masks.masks import dice
from mrigen.evaluation.catalogue.listing import find_metric

SHAPE = (3, 4, 5)


def mask(seed, share):
    return np.random.default_rng(seed).random(SHAPE) < share


@given(st.integers(0, 1000), st.integers(0, 1000), st.floats(0.1, 0.9))
def test_dice_is_a_share_and_the_same_from_both_sides(first, second, share):
    one, two = mask(first, share) | (np.arange(60).reshape(SHAPE) == 0), mask(second, share)
    assert 0 <= dice(one, two) == dice(two, one) <= 1
    assert dice(one, one) == 1
    assert dice(one, ~one) == 0
    intersection = (one & two).sum()
    expected = intersection / ((one | two).sum() + intersection) * 2
    assert dice(one, two) == pytest.approx(expected)


def test_an_empty_mask_agrees_with_nothing():
    assert dice(np.ones(SHAPE, bool), np.zeros(SHAPE, bool)) == 0


@pytest.mark.parametrize("name", ["brain_dice_restored", "brain_dice_gain", "brain_dice_damaged"])
def test_every_number_is_explained(name):
    assert find_metric(name).task == "brain_masks"


@pytest.mark.parametrize("name", ["brain_dice_restored_low", "brain_dice_gain_high"])
def test_so_are_the_ends_of_intervals(name):
    assert find_metric(name) is not None
