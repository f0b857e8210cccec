import numpy as np
import pytest

from mrigen.evaluation.conditions.line import fit_line

X = np.arange(40.0)
OWNERS = [f"s{number // 4}" for number in range(40)]


def test_slope_and_correlation_are_those_of_numpy():
    y = 1000 + 3 * X + np.random.default_rng(0).normal(0, 20, 40)
    line = fit_line(X, y, OWNERS, seed=0)
    assert line.slope.value == pytest.approx(np.polyfit(X, y, 1)[0])
    assert line.correlation.value == pytest.approx(np.corrcoef(X, y)[0, 1])
    for found in line:
        assert found.low < found.value < found.high
    assert line == fit_line(X, y, OWNERS, seed=0)


def test_what_never_changes_has_no_slope():
    for x, y in ((X, np.full(40, 0.1)), (np.full(40, 0.3), X)):
        assert [found.value for found in fit_line(x, y, OWNERS, seed=0)] == [0, 0]


def test_two_people_have_no_interval():
    line = fit_line(X, X, ["a"] * 20 + ["b"] * 20, seed=0)
    assert (line.slope.value, line.slope.low) == (pytest.approx(1), None)
