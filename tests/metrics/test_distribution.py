import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import sqrtm

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
    statistics._scatter = statistics.covariance * (len(samples) - 1)
    statistics._samples = []
    return statistics


def by_matrix_root(first, second):
    """Return the distance as the paper writes it, with scipy's root of a matrix."""
    covariances = first.T.cov().numpy(), second.T.cov().numpy()
    return (
        float((first.mean(0) - second.mean(0)).square().sum())
        + covariances[0].trace()
        + covariances[1].trace()
        - 2 * float(sqrtm(covariances[0] @ covariances[1]).real.trace())
    )


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
        assert torch.allclose(statistics.root.T @ statistics.root, samples.T.cov(), atol=1e-7)
        assert len(statistics.root) == min(len(samples), 12)


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


@pytest.mark.parametrize(
    ("count", "other", "features"), [(60, 70, 8), (300, 200, 64), (9, 40, 8), (65, 65, 64)]
)
def test_distance_equals_the_matrix_square_root(count, other, features):
    first = draw(count, features, seed=1)
    second = draw(other, features, seed=2, shift=0.5)
    expected = by_matrix_root(first, second)
    distance = frechet_distance(statistics_of(first), statistics_of(second))
    assert distance == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("count", [5, 30])
def test_distance_equals_the_matrix_square_root_without_full_rank(count):
    # Scipy's own error is the root of a rounding here, for each dimension that is missing.
    first, second = draw(count, 40, seed=1), draw(count, 40, seed=2, scale=0.5, shift=0.2)
    expected = by_matrix_root(first, second)
    distance = frechet_distance(statistics_of(first), statistics_of(second))
    assert distance == pytest.approx(expected, rel=1e-6)


def test_distance_of_two_numbers_is_that_of_their_means_and_deviations():
    first, second = draw(30, 1, seed=1, scale=2), draw(50, 1, seed=2, shift=3)
    expected = (first.mean() - second.mean()) ** 2 + (first.std() - second.std()) ** 2
    distance = frechet_distance(statistics_of(first), statistics_of(second))
    assert distance == pytest.approx(float(expected), rel=1e-9)


@pytest.mark.parametrize("count", [20, 200])
def test_distance_of_covariances_with_the_same_axes(count):
    # An orthogonal mixture of independent features, each stretched by a factor of its own.
    mixing = torch.linalg.qr(draw(50, 50, seed=3)).Q
    samples = draw(count, 50, seed=4)
    samples = samples - samples.mean(0)
    axes = torch.linalg.svd(samples, full_matrices=False)
    stretch = torch.linspace(0.1, 3, len(axes.S), dtype=torch.float64)
    first = axes.U * axes.S @ axes.Vh @ mixing
    second = axes.U * (axes.S * stretch) @ axes.Vh @ mixing + 0.25
    deviations = axes.S / (count - 1) ** 0.5
    expected = 50 * 0.25**2 + float((deviations * (1 - stretch)).square().sum())
    distance = frechet_distance(statistics_of(first), statistics_of(second))
    assert distance == pytest.approx(expected, rel=1e-9)


@settings(deadline=None, max_examples=20)
@given(
    st.integers(0, 2**31),
    st.integers(2, 40),
    st.floats(0.5, 14),
    st.sampled_from([0.0, 1e-6, 1e-2, 1.0]),
)
def test_squares_are_used_only_where_they_lose_nothing(seed, count, decades, apart):
    # Spectra from flat to very steep, of sets from nearly the same to different.
    scales = torch.logspace(0, -decades, 24, dtype=torch.float64)
    first = draw(count, 24, seed=seed) * scales
    second = first + apart * draw(count, 24, seed=seed + 1) * scales
    statistics = statistics_of(first), statistics_of(second)
    roots = statistics[0].root, statistics[1].root
    exact = float(
        (first.mean(0) - second.mean(0)).square().sum()
        + roots[0].square().sum()
        + roots[1].square().sum()
        - 2 * torch.linalg.svdvals(roots[0] @ roots[1].T).sum()
    )
    spread = float(statistics[0].covariance.trace())
    distance = frechet_distance(*statistics)
    assert distance == pytest.approx(exact, rel=1e-7, abs=1e-14 * max(spread, 1))


@pytest.mark.parametrize("count", [30, 300])
def test_repeated_samples_and_silent_features_do_not_disturb_it(count):
    first, second = draw(count, 60, seed=1), draw(count, 60, seed=2, shift=0.3)
    first[:, 50:], second[:, 45:] = 0, 0
    plain = frechet_distance(statistics_of(first), statistics_of(second))
    twice = frechet_distance(
        statistics_of(torch.cat([first, first])), statistics_of(torch.cat([second, second]))
    )
    shift = float((first.mean(0) - second.mean(0)).square().sum())
    shrunk = (2 * count - 2) / (2 * count - 1)
    assert twice - shift == pytest.approx((plain - shift) * shrunk, rel=1e-6)
    same = frechet_distance(statistics_of(first), statistics_of(first))
    assert same < 1e-6 * float(statistics_of(first).covariance.trace())


def test_kept_samples_do_not_change_with_the_tensor_they_came_from():
    samples = draw(6, 12)
    statistics, expected = statistics_of(samples), samples.T.cov()
    samples.zero_()
    assert torch.allclose(statistics.covariance, expected)


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 2**31), st.integers(2, 20), st.integers(2, 20))
def test_distance_is_symmetric_never_negative_and_zero_on_itself(seed, count, other):
    first, second = draw(count, 10, seed=seed), draw(other, 10, seed=seed + 1)
    forward = frechet_distance(statistics_of(first), statistics_of(second))
    backward = frechet_distance(statistics_of(second), statistics_of(first))
    assert forward >= 0
    assert forward == pytest.approx(backward, rel=1e-6)
    spread = float(statistics_of(first).covariance.trace())
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
