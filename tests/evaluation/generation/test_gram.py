import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mrigen.evaluation.generation.distances import statistics_of
from mrigen.evaluation.generation.gram import Gram
from mrigen.metrics.distribution import frechet_distance
from mrigen.metrics.kernel_distance import kernel_distance


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 1000),
    sizes=st.tuples(st.integers(2, 20), st.integers(2, 20)),
    offset=st.floats(-50, 50),
)
def test_distances_of_rows_are_those_of_their_features(seed, sizes, offset):
    stream = np.random.default_rng(seed)
    generator = torch.Generator().manual_seed(seed)
    first = torch.randn(25, 30, generator=generator) + offset
    second = torch.randn(22, 30, generator=generator) * 1.5 + offset
    gram = Gram(first, second)
    own, other = stream.permutation(25)[: sizes[0]], stream.permutation(22)[: sizes[1]]
    expected = frechet_distance(statistics_of(first[own]), statistics_of(second[other]))
    assert gram.frechet(own, other) == pytest.approx(expected, rel=1e-5)
    expected = kernel_distance(first[own], second[other])
    assert gram.kernel(own, other) == pytest.approx(expected, rel=1e-6, abs=1e-6 * (1 + offset**6))


def test_equal_sets_have_no_distance():
    features = torch.randn(12, 8, generator=torch.Generator().manual_seed(0))
    rows = np.arange(12)
    assert Gram(features, features).frechet(rows, rows) == pytest.approx(0, abs=1e-6)
    assert Gram(torch.ones(4, 3), torch.ones(4, 3)).frechet(rows[:4], rows[:4]) == 0
