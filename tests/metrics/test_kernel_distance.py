import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mrigen.errors import DataError
from mrigen.metrics import kernel_distance as module
from mrigen.metrics.kernel_distance import kernel_distance


def draw(count, features=6, *, seed=0, shift=0.0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(count, features, generator=generator, dtype=torch.float64) + shift


def u_statistic(first, second):
    """The estimator as the papers write it, one pair after the other."""

    def kernel(x, y):
        return (float(x @ y) / len(x) + 1) ** 3

    def inside(samples):
        pairs = [(i, j) for i in range(len(samples)) for j in range(len(samples)) if i != j]
        return sum(kernel(samples[i], samples[j]) for i, j in pairs) / len(pairs)

    between = [kernel(x, y) for x in first for y in second]
    return inside(first) + inside(second) - 2 * sum(between) / len(between)


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 2**31), st.integers(2, 9), st.integers(2, 9), st.integers(1, 5))
def test_it_is_the_u_statistic(seed, count, other, features):
    first, second = draw(count, features, seed=seed), draw(other, features, seed=seed + 1, shift=1)
    expected = u_statistic(first, second)
    assert kernel_distance(first, second) == pytest.approx(expected, rel=1e-10, abs=1e-12)


@pytest.mark.parametrize("rows", [1, 3, 7])
def test_blocks_make_no_difference(monkeypatch, rows):
    first, second = draw(13, seed=1), draw(8, seed=2)
    whole = kernel_distance(first, second)
    monkeypatch.setattr(module, "_ROWS", rows)
    assert kernel_distance(first, second) == pytest.approx(whole, rel=1e-12)


def test_it_is_zero_on_average_and_often_negative_between_equal_distributions():
    values = torch.tensor(
        [kernel_distance(draw(8, seed=2 * i), draw(8, seed=2 * i + 1)) for i in range(400)]
    )
    error = float(values.std()) / len(values) ** 0.5
    assert abs(float(values.mean())) < 4 * error
    assert float((values < 0).double().mean()) > 0.3


def test_it_grows_with_the_shift():
    first = draw(60, seed=1)
    distances = [kernel_distance(first, draw(60, seed=2, shift=shift)) for shift in (0, 0.5, 1, 2)]
    assert distances == sorted(distances)
    assert distances[1] > 3 * abs(distances[0])


def test_it_is_symmetric():
    first, second = draw(9, seed=1), draw(14, seed=2)
    assert kernel_distance(first, second) == pytest.approx(kernel_distance(second, first))


def test_features_that_do_not_fit_are_refused():
    with pytest.raises(DataError, match=r"\(1, 6\): expected .* at least 2 samples"):
        kernel_distance(draw(1), draw(5))
    with pytest.raises(DataError, match="use one feature extractor"):
        kernel_distance(draw(5), draw(5, 7))
    with pytest.raises(DataError, match="not finite"):
        kernel_distance(draw(5), draw(5) / 0)
