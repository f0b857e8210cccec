import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import wasserstein_distance

from mrigen.errors import DataError
from mrigen.metrics.histograms import histogram, histogram_distance


def eight_bits(count, height=9, width=7, *, seed=0, low=0, high=256):
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(low, high, (count, 1, height, width), generator=generator) / 255


def test_pixels_count_for_the_nearest_intensity():
    image = torch.tensor([0.0, 0.2, 0.3, 0.5, 0.8, 1.0]).view(1, 1, 2, 3)
    assert histogram(image, bins=3).tolist() == [pytest.approx([2 / 6, 2 / 6, 2 / 6])]


def test_every_row_belongs_to_its_image():
    images = eight_bits(300)
    shares = histogram(images)
    assert shares.shape == (300, 256)
    assert torch.allclose(shares.sum(1), torch.ones(300).double())
    for place in (0, 17, 299):
        counts = np.bincount((images[place] * 255).round().long().flatten(), minlength=256)
        assert (shares[place] * 63).tolist() == pytest.approx(counts.tolist())


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 2**31), st.integers(1, 5), st.integers(1, 5))
def test_it_is_the_wasserstein_distance_of_scipy(seed, count, other):
    first = eight_bits(count, seed=seed)
    second = eight_bits(other, seed=seed + 1, low=30, high=200)
    expected = wasserstein_distance(first.double().flatten(), second.double().flatten())
    distance = histogram_distance(histogram(first), histogram(second))
    assert distance == pytest.approx(expected, rel=1e-6)


def test_coarse_bins_move_pixels_by_half_a_bin_at_most():
    first, second = eight_bits(4, seed=1), eight_bits(4, seed=2, high=120)
    exact = histogram_distance(histogram(first), histogram(second))
    coarse = histogram_distance(histogram(first, bins=17), histogram(second, bins=17))
    assert abs(exact - coarse) <= 1 / 16


def test_a_brighter_set_is_as_far_as_it_is_brighter():
    images = eight_bits(5, high=200)
    assert histogram_distance(histogram(images), histogram(images + 51 / 255)) == pytest.approx(
        0.2, abs=1e-6
    )
    assert histogram_distance(histogram(images), histogram(images)) == 0
    black, white = torch.zeros(1, 1, 4, 4), torch.ones(2, 1, 4, 4)
    assert histogram_distance(histogram(black), histogram(white)) == pytest.approx(1)


@pytest.mark.parametrize("value", [-0.01, 1.01, math.nan])
def test_values_outside_the_range_are_refused(value):
    with pytest.raises(DataError, match=r"outside \[0, 1\]"):
        histogram(torch.full((1, 1, 4, 4), value))


def test_what_does_not_fit_is_refused():
    with pytest.raises(DataError, match=r"\(N, 1, H, W\)"):
        histogram(torch.zeros(4, 4))
    with pytest.raises(DataError, match="1 bins"):
        histogram(torch.zeros(1, 1, 4, 4), bins=1)
    with pytest.raises(DataError, match="expected \\(n, bins\\)"):
        histogram_distance(torch.ones(2, 4) / 4, torch.ones(2, 5) / 5)
