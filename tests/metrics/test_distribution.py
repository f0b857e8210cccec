import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mrigen.errors import DataError
from mrigen.metrics.distribution import FeatureStatistics, frechet_distance


def draw(count, features, *, seed=0, scale=1.0, shift=0.0):
    generator = torch.Generator().manual_seed(seed)
    mixing = torch.randn(features, features, generator=generator, dtype=torch.float64)
    samples = torch.randn(count, features, generator=generator, dtype=torch.float64)
    return scale * samples @ mixing + shift


def statistics_of(samples):
    statistics = FeatureStatistics(samples.shape[1])
    statistics.update(samples)
    return statistics


def without_samples(samples):
    """Statistics that know the covariance only, as after more samples than features."""
    statistics = statistics_of(samples)
    statistics._samples = None
    return statistics


@settings(deadline=None, max_examples=40)
@given(
    sizes=st.lists(st.integers(0, 9), min_size=1, max_size=8).filter(lambda s: sum(s) > 1),
    seed=st.integers(0, 2**31),
)
def test_statistics_of_chunks_are_those_of_the_whole(sizes, seed):
    samples = draw(sum(sizes), 12, seed=seed, shift=1e3)
    chunked, merged = FeatureStatistics(12), FeatureStatistics(12)
    for chunk in samples.split(sizes):
        chunked.update(chunk)
        part = FeatureStatistics(12)
        part.update(chunk)
        merged.merge(part)
    for statistics in (chunked, merged):
        assert statistics.count == len(samples)
        assert torch.allclose(statistics.mean, samples.mean(0), rtol=1e-12)
        assert torch.allclose(statistics.covariance, samples.T.cov(), atol=1e-7)
        assert (statistics.root is None) == (len(samples) > 12)
        if statistics.root is not None:
            assert torch.allclose(statistics.root.T @ statistics.root, samples.T.cov(), atol=1e-7)


def test_distance_of_two_gaussians_with_a_closed_form():
    # Commuting covariances: |m1 - m2|^2 + sum of (sigma1 - sigma2)^2, here 25 + 1 + 4.
    corners = torch.tensor([[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]]).double()
    corners *= (3 / 4) ** 0.5
    first = corners * torch.tensor([2.0, 1.0])
    second = corners * torch.tensor([1.0, 3.0]) + torch.tensor([3.0, 4.0])
    assert frechet_distance(statistics_of(first), statistics_of(second)) == pytest.approx(30)


def test_distance_from_samples_equals_the_distance_from_covariances():
    first, second = draw(20, 30, seed=1), draw(25, 30, seed=2, scale=1.5, shift=0.3)
    by_samples = frechet_distance(statistics_of(first), statistics_of(second))
    by_covariance = frechet_distance(without_samples(first), without_samples(second))
    mixed = frechet_distance(statistics_of(first), without_samples(second))
    assert by_covariance == pytest.approx(by_samples, rel=1e-6)
    assert mixed == pytest.approx(by_samples, rel=1e-6)


def test_distance_equals_the_matrix_square_root():
    from scipy.linalg import sqrtm

    first, second = draw(60, 8, seed=1), draw(70, 8, seed=2, shift=0.5)
    covariances = first.T.cov().numpy(), second.T.cov().numpy()
    expected = (
        float((first.mean(0) - second.mean(0)).square().sum())
        + covariances[0].trace()
        + covariances[1].trace()
        - 2 * sqrtm(covariances[0] @ covariances[1]).real.trace()
    )
    distance = frechet_distance(statistics_of(first), statistics_of(second))
    assert distance == pytest.approx(expected, rel=1e-8)


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 2**31), st.integers(2, 20), st.integers(2, 20))
def test_distance_is_symmetric_never_negative_and_zero_on_itself(seed, count, other):
    first, second = draw(count, 10, seed=seed), draw(other, 10, seed=seed + 1)
    forward = frechet_distance(statistics_of(first), statistics_of(second))
    backward = frechet_distance(statistics_of(second), statistics_of(first))
    assert forward >= 0
    assert forward == pytest.approx(backward, rel=1e-6)
    spread = statistics_of(first).total_variance
    assert frechet_distance(statistics_of(first), statistics_of(first)) < 1e-6 * spread


def test_a_shift_alone_costs_its_squared_length():
    samples = draw(40, 6)
    distance = frechet_distance(statistics_of(samples), statistics_of(samples + 2))
    assert distance == pytest.approx(6 * 4, rel=1e-9)


@pytest.mark.parametrize("count", [0, 1])
def test_too_few_samples_are_refused_with_a_sentence(count):
    few, many = statistics_of(draw(count, 4)), statistics_of(draw(9, 4))
    with pytest.raises(DataError, match=f"statistics of {count} samples .* at least two"):
        frechet_distance(few, many)
    with pytest.raises(DataError, match=f"statistics of {count} samples"):
        frechet_distance(many, few)


def test_features_that_do_not_fit_are_refused():
    statistics = FeatureStatistics(4)
    with pytest.raises(DataError, match=r"expected \(n, 4\)"):
        statistics.update(torch.zeros(3, 5))
    with pytest.raises(DataError, match="not finite"):
        statistics.update(torch.full((2, 4), float("nan")))
    with pytest.raises(DataError, match="use one feature extractor"):
        statistics.merge(FeatureStatistics(5))
    with pytest.raises(DataError, match="use one feature extractor"):
        frechet_distance(statistics_of(draw(3, 4)), statistics_of(draw(3, 5)))
