from itertools import combinations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mrigen.evaluation.copying.ratios import authenticity, distance_ratios, expected_nearest
from mrigen.evaluation.copying.spaces import Space


@given(seed=st.integers(0, 99), drawn=st.integers(1, 6))
def test_the_expected_nearest_is_the_mean_over_all_draws(seed, drawn):
    distances = np.random.default_rng(seed).uniform(size=(3, 6))
    every = [distances[:, list(some)].min(1) for some in combinations(range(6), drawn)]
    assert expected_nearest(distances, drawn=drawn) == pytest.approx(np.mean(every, axis=0))


def people(count, seed, first=0):
    """Rows of people who are all drawn alike, and whose they are."""
    draw = np.random.default_rng(seed)
    centres = draw.normal(size=(count, 6)).repeat(5, 0)
    rows = torch.from_numpy(centres + 0.05 * draw.normal(size=centres.shape))
    return rows, np.array([f"p{number + first:03d}" for number in range(count)]).repeat(5)


@pytest.fixture(params=[12, 60])
def measured(request):
    train, train_of = people(request.param, 1)
    test, test_of = people(12, 2, first=500)

    def measure(generated):
        space = Space("s", "S", generated, train, test)
        found, control = space.search(generated, train_of), space.search(test, train_of, test_of)
        judgement = distance_ratios(space, found, control, test_of, seed=0)
        judgement.add(authenticity(0, space, train_of, test_of))
        return judgement

    return measure, train, test


def test_somebody_new_is_as_near_to_training_as_to_test_subjects(measured):
    measure, _, _ = measured
    metrics = measure(people(40, 3)[0]).metrics
    # Five times as many training subjects do not make a copy.
    assert metrics["copy_distance_ratio"] == pytest.approx(1, abs=0.15)
    assert metrics["copy_distance_ratio_of_real"] == pytest.approx(1, abs=0.15)
    ends = metrics["copy_distance_ratio_low"], metrics["copy_distance_ratio_high"]
    assert ends[0] <= metrics["copy_distance_ratio"] <= ends[1]


def test_copies_have_a_ratio_of_0(measured):
    measure, train, _ = measured
    metrics = measure(train[:50]).metrics
    assert metrics["copy_distance_ratio"] == metrics["authenticity"] == 0


def test_copies_of_test_slices_are_told_where_nothing_else_is_there(measured):
    measure, _, test = measured
    same = torch.zeros(3, 6).double() + test[0]
    assert measure(same).metrics["copy_distance_ratio"] > 0  # somebody else's first slice is left
    train, train_of = people(5, 1)
    everywhere = torch.zeros(10, 6).double()
    space = Space("s", "S", everywhere, train, everywhere)
    test_of = np.array(["a", "b"]).repeat(5)
    found = space.search(everywhere, train_of)
    judgement = distance_ratios(space, found, found, test_of, seed=0)
    assert judgement.metrics == {}
    assert "were not compared" in judgement.remarks[0]
