import numpy as np
import pytest

from mrigen.errors import DataError
from mrigen.metrics.intervals import ratio_interval


def test_the_ratio_is_that_of_the_means_within_its_interval():
    stream = np.random.default_rng(0)
    found = ratio_interval(stream.normal(2, 0.1, 40), stream.normal(1, 0.1, 30))
    assert found.value == pytest.approx(2, rel=0.05)
    assert found.low < found.value < found.high
    # Means vary by 0.1 / sqrt(40) and 0.1 / sqrt(30).
    expected = 2 * 1.96 * np.hypot(0.1 / 40**0.5, 2 * 0.1 / 30**0.5)
    assert found.high - found.low == pytest.approx(expected, rel=0.3)


def test_the_same_seed_gives_the_same_interval():
    values, reference = [1.0, 2.0, 4.0], [1.0, 3.0, 2.0, 2.5]
    assert ratio_interval(values, reference, seed=1) == ratio_interval(values, reference, seed=1)
    assert ratio_interval(values, reference, seed=1) != ratio_interval(values, reference, seed=2)


@pytest.mark.parametrize("few", [0, 1])
def test_few_in_either_group_have_no_interval(few):
    groups = [[1.0, 3.0], [2.0, 2.0, 2.0]]
    found = ratio_interval(groups[few], groups[1 - few])
    assert (found.value, found.low, found.high) == (1.0, None, None)


@pytest.mark.parametrize(
    ("values", "reference"),
    [([], [1.0]), ([1.0], []), ([np.inf], [1.0]), ([1.0], [np.nan]), ([1.0], [0.0, 1.0])],
    ids=str,
)
def test_what_has_no_ratio_is_refused(values, reference):
    with pytest.raises(DataError, match=r"no ratio"):
        ratio_interval(values, reference)
