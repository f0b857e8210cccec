import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

from mrigen.errors import DataError
from mrigen.metrics.spectra import ROUNDING_POWER, radial_power, spectrum_distance


def noise(count, height=32, width=32, *, seed=0, spread=0.1):
    generator = torch.Generator().manual_seed(seed)
    return 0.5 + spread * torch.randn(count, 1, height, width, generator=generator)


def soft(count, *, seed=0):
    """Images whose power falls with frequency, as that of slices does."""
    return blurred(noise(count, seed=seed, spread=0.4), 2)


def blurred(images, times):
    for _ in range(times):
        images = functional.avg_pool2d(functional.pad(images, (1, 1, 1, 1), "circular"), 3, 1)
    return images


def by_hand(image):
    """Return the average over rings of the discrete transform, one frequency after the other."""
    height, width = image.shape
    power = torch.fft.fft2(image.double() - image.double().mean()).abs() ** 2 / (height * width)
    side = min(height, width)
    rings = [[] for _ in range(side // 2)]
    for row in range(height):
        for column in range(width):
            down = min(row, height - row) / height
            along = min(column, width - column) / width
            radius = round(math.hypot(down, along) * side)
            if 1 <= radius <= side // 2:
                rings[radius - 1].append(float(power[row, column]))
    return [sum(ring) / len(ring) for ring in rings]


@settings(deadline=None, max_examples=10)
@given(st.integers(0, 2**31), st.integers(2, 17), st.integers(2, 17))
def test_it_is_the_average_over_rings(seed, height, width):
    images = noise(2, height, width, seed=seed)
    power = radial_power(images)
    assert power.shape == (2, min(height, width) // 2)
    for image, row in zip(images, power, strict=True):
        assert row.tolist() == pytest.approx(by_hand(image[0]), rel=1e-9, abs=1e-15)


def test_a_wave_has_its_power_at_its_frequency():
    places = torch.arange(64).double() / 64
    wave = (0.5 + 0.25 * (2 * math.pi * 5 * places).sin()).expand(64, 64)
    power = radial_power(torch.stack([wave, wave.T])[:, None])
    assert power.argmax(1).tolist() == [4, 4]
    # All of it lies in two of the ring's frequencies: the variance, 0.25^2 / 2, times the pixels.
    ring = sum(round(math.hypot(x, y)) == 5 for x in range(-6, 7) for y in range(-6, 7))
    assert float(power[0, 4]) == pytest.approx(0.25**2 / 2 * 64**2 / ring)
    power[:, 4] = 0
    assert float(power.max()) < 1e-20


@pytest.mark.parametrize("side", [16, 64])
def test_white_noise_has_its_variance_at_every_frequency(side):
    power = radial_power(noise(400, side, side, spread=0.1)).mean(0)
    assert power.tolist() == pytest.approx([0.01] * (side // 2), rel=0.2)


def test_brightness_makes_no_difference():
    images = noise(3)
    assert torch.allclose(radial_power(images), radial_power(images + 0.3), rtol=1e-4)


def test_the_distance_is_in_decibels():
    images = noise(20)
    twice = 0.5 + (images - 0.5) * math.sqrt(10)
    power, more = radial_power(images), radial_power(twice)
    assert spectrum_distance(power, more) == pytest.approx(10, rel=1e-5)
    assert spectrum_distance(more, power) == pytest.approx(10, rel=1e-5)
    assert spectrum_distance(power, power) == 0


def test_blur_and_noise_raise_it():
    real = radial_power(soft(40, seed=1))
    same = spectrum_distance(real, radial_power(soft(40, seed=2)))
    by_blur = [
        spectrum_distance(real, radial_power(blurred(soft(40, seed=2), times))) for times in (1, 3)
    ]
    by_noise = [
        spectrum_distance(
            real, radial_power(soft(40, seed=2) + noise(40, seed=3, spread=spread) - 0.5)
        )
        for spread in (0.05, 0.2)
    ]
    assert same < by_blur[0] < by_blur[1]
    assert same < by_noise[0] < by_noise[1]


def test_blank_images_are_at_a_finite_distance():
    blank, faint = torch.zeros(2, 1, 16, 16), noise(2, 16, 16, spread=1e-5)
    assert spectrum_distance(radial_power(blank), radial_power(faint)) == 0
    full = radial_power(noise(200, 16, 16, spread=0.1))
    expected = 10 * math.log10(0.01 / ROUNDING_POWER)
    assert spectrum_distance(radial_power(blank), full) == pytest.approx(expected, abs=0.5)


def test_many_images_are_done_in_parts():
    images = noise(300, 8, 8)
    assert torch.equal(radial_power(images)[290:], radial_power(images[290:]))
    assert radial_power(images[:0]).shape == (0, 4)


def test_images_that_do_not_fit_are_refused():
    with pytest.raises(DataError, match=r"expected \(N, 1, H, W\)"):
        radial_power(torch.zeros(2, 3, 8, 8))
    with pytest.raises(DataError, match="not finite"):
        radial_power(torch.full((1, 1, 8, 8), math.nan))
    with pytest.raises(DataError, match="images of one size"):
        spectrum_distance(torch.ones(3, 4), torch.ones(3, 5))
    with pytest.raises(DataError, match="at least one image"):
        spectrum_distance(torch.ones(3, 4), torch.ones(0, 4))
