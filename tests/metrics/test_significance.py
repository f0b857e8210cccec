"""Paired tests against scipy's own, and Holm's correction against its definition."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from mrigen.errors import DataError
from mrigen.metrics.significance import holm, paired_test


def pairs(count, shift=0.3):
    stream = np.random.default_rng(count)
    first = stream.normal(20, 2, count)
    return first, first + stream.normal(shift, 1, count)


@pytest.mark.parametrize("count", [2, 6, 47, 80])
def test_the_tests_are_those_of_scipy(count):
    first, second = pairs(count)
    found = paired_test(first, second)
    assert found.pairs == count
    assert found.difference == pytest.approx((first - second).mean())
    assert found.p_t == pytest.approx(stats.ttest_rel(first, second).pvalue, rel=1e-9)
    assert found.p_wilcoxon == pytest.approx(stats.wilcoxon(first, second).pvalue, rel=1e-9)


def test_wilcoxon_counts_signs_of_ranks():
    differences = np.array([1.0, -2.0, 3.5, 4.0, 5.0])
    negative = 2  # sum of the ranks of negative differences: that of -2 alone
    ranks = np.arange(1, 6)
    sums = [ranks[list(signs)].sum() for signs in product((False, True), repeat=5)]
    expected = 2 * np.mean(np.array(sums) <= negative)
    assert paired_test(differences, np.zeros(5)).p_wilcoxon == pytest.approx(expected)


def test_identical_models_do_not_differ():
    values = np.random.default_rng(0).random(10)
    assert paired_test(values, values) == (10, 0.0, 1.0, 1.0)
    assert paired_test(values, values + 1e-17)[1:] == (0.0, 1.0, 1.0)


def test_a_difference_that_is_the_same_in_every_subject_is_no_chance():
    values = np.arange(8.0)
    found = paired_test(values + 0.5, values)
    assert found.difference == 0.5
    assert found.p_t == 0
    assert found.p_wilcoxon == 2 / 2**8


def test_pairs_without_a_difference_have_no_rank():
    first, second = pairs(12)
    second[:3] = first[:3]
    expected = stats.wilcoxon(first[3:], second[3:]).pvalue
    assert paired_test(first, second).p_wilcoxon == pytest.approx(expected)


@given(st.integers(2, 12), st.integers(0, 2**20))
def test_turning_the_models_round_turns_the_difference_alone(count, seed):
    first, second = np.random.default_rng(seed).normal(size=(2, count))
    there, back = paired_test(first, second), paired_test(second, first)
    assert there.difference == pytest.approx(-back.difference)
    assert there[2:] == pytest.approx(back[2:])
    assert 0 <= there.p_t <= 1
    assert 0 <= there.p_wilcoxon <= 1


@pytest.mark.parametrize(
    ("first", "second"),
    [([1], [2]), ([1, 2], [1, 2, 3]), ([], []), ([[1, 2]], [[1, 2]])],
)
def test_what_cannot_be_paired_is_refused(first, second):
    with pytest.raises(DataError, match="cannot be paired: expected as many"):
        paired_test(first, second)


def test_a_value_that_is_no_number_is_refused():
    with pytest.raises(DataError, match="not finite"):
        paired_test([1, np.nan], [1, 2])


def test_holm_is_the_worked_example():
    # Holm 1979: sorted p times what is left, never falling.
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.9, 0.8]) == [1.0, 1.0]
    assert holm([]) == []


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12), st.floats(0.001, 0.2))
def test_holm_rejects_what_the_step_down_procedure_rejects(values, level):
    rejected = set()
    for rank, place in enumerate(sorted(range(len(values)), key=values.__getitem__)):
        if (len(values) - rank) * values[place] > level:
            break
        rejected.add(place)
    corrected = holm(values)
    assert {place for place, p in enumerate(corrected) if p <= level} == rejected
    assert all(p >= value for p, value in zip(corrected, values, strict=True))
