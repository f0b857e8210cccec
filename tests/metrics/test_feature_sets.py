import pytest
import torch

from mrigen.errors import DataError
from mrigen.metrics import feature_sets as module
from mrigen.metrics.feature_sets import checked_features, distance_rows


def draw(count, seed):
    return torch.rand(count, 33, generator=torch.Generator().manual_seed(seed)).double() + 1e4


def test_distances_are_those_of_the_differences():
    first, second = draw(7, 1), draw(5, 2)
    expected = (first[:, None] - second).square().sum(2).sqrt()
    (rows,) = distance_rows(first, second)
    assert torch.allclose(rows, expected, rtol=1e-12)


def test_equal_vectors_are_at_distance_zero_and_a_pair_is_always_equally_far(monkeypatch):
    first, second = draw(40, 1), draw(30, 2)
    (together,) = distance_rows(first, second)
    (turned,) = distance_rows(second, first)
    assert torch.equal(together, turned.T)
    (same,) = distance_rows(first, first)
    assert torch.equal(same.diagonal(), torch.zeros(40).double())
    monkeypatch.setattr(module, "_BLOCK", 90)
    parts = list(distance_rows(first, second))
    assert [len(part) for part in parts] == [3] * 13 + [1]
    assert torch.equal(torch.cat(parts), together)


def test_features_become_float64_without_their_gradient():
    features = checked_features(torch.ones(2, 3, dtype=torch.float16, requires_grad=True))
    assert features.dtype == torch.float64
    assert not features.requires_grad


@pytest.mark.parametrize("shape", [(4,), (2, 3, 4), (0, 4), (4, 0)])
def test_other_shapes_are_refused(shape):
    with pytest.raises(DataError, match=r"expected \(n, features\)"):
        checked_features(torch.zeros(shape))
