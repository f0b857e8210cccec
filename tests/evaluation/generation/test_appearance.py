import numpy as np
import pytest
import torch

from judged_cases import heads
from mrigen.evaluation.config import GenerationConfig
from mrigen.evaluation.generation.appearance import (
    draw_pairs,
    histograms_of,
    measure_appearance,
    measure_variety,
    spectra_of,
)
from mrigen.evaluation.generation.resampling import HalfSamples
from mrigen.evaluation.generation.sets import Three
from mrigen.evaluation.ladder import Rung

TEST, TRAIN, MADE = (heads(range(start, start + 40)) for start in (0, 100, 200))
PEOPLE = np.repeat([f"p{number}" for number in range(8)], 5).astype(object)


def appearance(generated):
    images = Three(generated, TEST, TRAIN)
    halves = HalfSamples(PEOPLE, PEOPLE, generated=40, times=30, seed=0)
    return measure_appearance(spectra_of(images), histograms_of(images), halves, np.arange(40))


def values(name, changed):
    return [appearance(images)[name].value for images in (MADE, *changed)]


def test_more_blur_and_more_noise_worsen_the_spectrum():
    for rungs in (
        [Rung("blur", level, "px") for level in (0.5, 1.0, 2.0)],
        [Rung("noise", level, "std") for level in (0.05, 0.1, 0.2)],
    ):
        found = values("spectrum_distance", [rung.degrade(MADE, seed=0) for rung in rungs])
        assert found == sorted(found)
        assert found[-1] > 3 * found[0]


def test_brighter_images_worsen_the_histogram():
    found = values("histogram_distance", [(MADE + more).clamp(0, 1) for more in (0.05, 0.1, 0.2)])
    assert found == sorted(found)
    assert found[-1] == pytest.approx(0.2, abs=0.03)


def test_identical_sets_have_no_distance_and_others_have_intervals():
    numbers = appearance(TEST)
    assert numbers["spectrum_distance"].value == numbers["histogram_distance"].value == 0
    for name, interval in appearance(MADE).items():
        assert 0 <= interval.low < interval.value < interval.high, name


def test_images_that_repeat_themselves_are_more_alike():
    config = GenerationConfig(pairs=200)

    def alike(generated):
        return measure_variety(Three(generated, TEST, TRAIN), PEOPLE, config=config, seed=0)

    varied, few = alike(MADE), alike(MADE[:2].repeat(20, 1, 1, 1))
    assert varied["ms_ssim"].value == pytest.approx(varied["ms_ssim_of_real"].value, abs=0.05)
    assert few["ms_ssim"].value > varied["ms_ssim"].value + 0.1
    assert varied["ms_ssim_of_real"] == few["ms_ssim_of_real"]
    assert alike(MADE[:1].repeat(40, 1, 1, 1))["ms_ssim"].value == pytest.approx(1)


@pytest.mark.parametrize("size", [2, 40, 1500])
def test_pairs_are_of_different_images_and_none_comes_twice(size):
    first, second = draw_pairs(np.arange(size), 300, seed=0)
    assert len(first) == len(second) == min(300, size * (size - 1) // 2)
    assert not (first == second).any()
    assert len({frozenset(pair) for pair in zip(first, second, strict=True)}) == len(first)
    assert np.array_equal(first, draw_pairs(np.arange(size), 300, seed=0)[0])


def test_pairs_are_of_different_people_unless_there_is_one():
    first, second = draw_pairs(PEOPLE, 300, seed=0)
    assert not (PEOPLE[first] == PEOPLE[second]).any()
    assert len(draw_pairs(np.array(["one"] * 5), 300, seed=0)[0]) == 10


def test_the_spectrum_does_not_see_what_only_changes_places():
    rolled = torch.roll(MADE, 3, dims=3)
    assert appearance(rolled)["spectrum_distance"].value == pytest.approx(
        appearance(MADE)["spectrum_distance"].value
    )
