import math

import numpy as np
import pytest
import torch

from judged_cases import heads, pixels
from mrigen.errors import DataError
from mrigen.evaluation.generation.distances import (
    frechet_numbers,
    measure_distances,
    measure_neighbourhoods,
    summarise,
)
from mrigen.evaluation.generation.resampling import HalfSamples
from mrigen.evaluation.generation.sets import Three
from mrigen.evaluation.ladder import Rung
from mrigen.metrics.distribution import frechet_distance

PEOPLE = np.repeat([f"p{number}" for number in range(10)], 8).astype(object)
ALL = np.arange(80)


def normal(count, seed, shift=0.0, scale=1.0):
    generator = torch.Generator().manual_seed(seed)
    return shift + scale * torch.randn(count, 12, generator=generator)


def sets(generated, count=80):
    return Three(generated, normal(count, 1), normal(count, 2))


def halves(times=40):
    return HalfSamples(PEOPLE, PEOPLE, generated=80, times=times, seed=0)


def distances(generated):
    return measure_distances(sets(generated), halves(), ALL)


def neighbourhoods(features):
    return measure_neighbourhoods(features, PEOPLE[: len(features.test)], neighbours=3, seed=0)


def test_a_perfect_generator_scores_about_the_floor_and_a_wrong_one_far_above():
    good, bad = distances(normal(80, 3)), distances(normal(80, 3, shift=0.6))
    assert good["frechet_ratio"].value == pytest.approx(1, abs=0.25)
    assert good["frechet_ratio"].low < 1 < good["frechet_ratio"].high
    assert bad["frechet_ratio"].low > 1.5
    assert bad["kernel_distance"].low > bad["kernel_floor"].high
    assert good["frechet_floor"] == bad["frechet_floor"]
    assert good["frechet_samples"].value == 80


def test_identical_sets_have_no_distance_and_no_ratio():
    same = normal(80, 1)
    numbers = measure_distances(Three(same, same, same), halves(), ALL)
    assert numbers["frechet_distance"].value == pytest.approx(0, abs=1e-9)
    assert numbers["frechet_floor"].value == pytest.approx(0, abs=1e-9)
    constant = torch.zeros(80, 12)
    numbers = measure_distances(Three(normal(80, 3), constant, constant), halves(), ALL)
    assert "frechet_ratio" not in numbers
    for interval in numbers.values():
        assert all(math.isfinite(end) for end in interval if end is not None)


def test_a_value_is_the_same_with_and_without_intervals_and_lies_inside_its_own():
    generated = normal(80, 3, shift=0.3)
    plain = measure_distances(sets(generated), None, ALL)
    for name, interval in distances(generated).items():
        assert interval.value == plain[name].value
        assert plain[name].low is None
        if interval.low is not None:
            assert interval.low < interval.value < interval.high


def test_sets_of_other_sizes_and_of_one_are_refused():
    with pytest.raises(DataError, match="80 test and 79 training slices cannot be compared"):
        frechet_numbers(Three(normal(80, 1), normal(80, 2), normal(79, 3)))
    with pytest.raises(DataError, match="at least two"):
        frechet_numbers(Three(normal(1, 1), normal(1, 2), normal(1, 3)))


def test_fewer_modes_worsen_recall_and_coverage_but_not_precision():
    real, others, generated = (normal(80, seed) for seed in (1, 2, 3))
    every = neighbourhoods(Three(generated, real, others))
    few = [
        neighbourhoods(Three(generated[:modes].repeat(80 // modes, 1), real, others))
        for modes in (40, 8)
    ]
    for name in ("recall", "coverage"):
        assert every[name].value > few[0][name].value > few[1][name].value
        assert every[name].low <= every[name].value <= every[name].high
    assert min(each["precision"].value for each in few) > 0.4
    assert every["coverage"].value == pytest.approx(every["coverage_of_real"].value, abs=0.15)


def features_of(images):
    return pixels()(images)


@pytest.mark.parametrize(
    "rungs",
    [
        [Rung("blur", level, "px") for level in (1.0, 2.0, 3.0)],
        [Rung("noise", level, "std") for level in (0.05, 0.1, 0.2)],
    ],
    ids=["blur", "noise"],
)
def test_more_blur_and_more_noise_worsen_both_distances(rungs):
    test, train, made = (heads(range(start, start + 40)) for start in (0, 100, 200))
    found = [
        measure_distances(
            Three(*map(features_of, (rung.degrade(made, seed=0), test, train))), None, ALL
        )
        for rung in rungs
    ]
    clean = measure_distances(Three(*map(features_of, (made, test, train))), None, ALL)
    for name in ("frechet_distance", "kernel_distance"):
        values = [numbers[name].value for numbers in (clean, *found)]
        assert values == sorted(values)
        assert values[-1] > 2 * values[0]


def test_features_of_batches_are_those_of_the_whole():
    images = heads(range(20))
    whole, parts = summarise([images], pixels()), summarise(images.split(7), pixels())
    assert parts.count == 20
    assert frechet_distance(whole, parts) == pytest.approx(0, abs=1e-9)
