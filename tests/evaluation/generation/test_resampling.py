import numpy as np
import pytest
import torch

from mrigen.evaluation.generation.gram import Gram
from mrigen.evaluation.generation.resampling import HalfSamples

PER = 6  # slices of a person


def people(count, slices=PER):
    return np.repeat([f"p{number:02d}" for number in range(count)], slices).astype(object)


def test_a_half_holds_half_the_subjects_whole_and_nothing_twice():
    test, train = people(8), people(20)
    halves = list(HalfSamples(test, train, generated=48, times=10, seed=0))
    for half in halves:
        assert len(half.test) == len(half.train) == len(half.generated) == 24
        for rows in half:
            assert len(set(rows.tolist())) == 24
        assert len(set(test[half.test])) == 4
    assert len({tuple(sorted(half.test)) for half in halves}) > 5


def test_halves_are_the_same_at_every_call_and_others_with_another_seed():
    def drawn(seed):
        halves = HalfSamples(people(6), people(6), generated=36, times=3, seed=seed)
        return [rows.tolist() for half in halves for rows in half]

    halves = HalfSamples(people(6), people(6), generated=36, times=3, seed=1)
    assert [rows.tolist() for half in halves for rows in half] == drawn(1) == drawn(1)
    assert drawn(1) != drawn(2)


def test_sets_stay_as_large_where_subjects_have_unequally_many_slices():
    uneven = np.repeat([*"abcdef"], [1, 2, 3, 9, 4, 7]).astype(object)
    for half in HalfSamples(uneven, people(4), generated=24, times=20, seed=0):
        assert len(half.test) == len(half.train) == len(half.generated) >= 2


@pytest.mark.parametrize(
    ("test", "train", "generated", "possible"),
    [
        (people(3), people(3), 18, True),
        (people(2), people(9), 12, False),
        (people(9), people(1), 12, False),
        (people(3, slices=1), people(9), 3, False),
        (people(4, slices=1), people(9, slices=1), 4, True),
        (people(9), people(9), 1, False),
    ],
)
def test_intervals_need_subjects_and_two_images_in_every_half(test, train, generated, possible):
    halves = HalfSamples(test, train, generated=generated, times=40, seed=0)
    assert halves.possible == possible
    if possible:
        assert min(len(half.test) for half in halves) >= 2


@pytest.mark.parametrize("subjects", [5, 8])
def test_the_interval_of_a_mean_is_as_wide_as_its_standard_error_says(subjects):
    values = np.random.default_rng(0).normal(size=subjects).repeat(PER)
    owners = people(subjects)
    halves = HalfSamples(owners, people(60), generated=len(values), times=4000, seed=0)
    found = [values[half.test].mean() for half in halves]
    interval = halves.interval(10.0, found)
    error = values[::PER].std(ddof=1) / subjects**0.5
    drawn = subjects // 2
    spread = np.std(found) * (drawn / (subjects - drawn)) ** 0.5
    assert spread == pytest.approx(error, rel=0.05)
    # Few subjects have few different halves, whose ends lie a little closer than normal ones.
    assert interval.high - interval.low == pytest.approx(3.92 * error, rel=0.25)
    assert interval.low < 10 < interval.high


def test_a_ratio_moves_with_both_and_stays_finite():
    halves = HalfSamples(people(6), people(6), generated=36, times=50, seed=0)
    noise = np.random.default_rng(0).normal(size=50)
    together = halves.ratio_interval(6.0, 2.0, 9 + 3 * 0.1 * noise, 4 + 0.1 * noise)
    assert together.high - together.low < 0.02
    wild = halves.ratio_interval(6.0, 2.0, 9 + noise, 4 + 5 * noise)
    assert 0 <= wild.low < 3 < wild.high < 100
    assert halves.interval(0.1, 5 + noise).low == 0
    assert halves.interval(0.1, 5 + noise, least=-np.inf).low < 0


def test_intervals_hold_the_expected_frechet_distance_and_a_bootstrap_does_not():
    features, subjects, trials = 24, 10, 60
    stream = np.random.default_rng(0)
    scale = 1 / np.sqrt(np.arange(1, features + 1))

    def real():
        people_ = stream.normal(size=(subjects, features)).repeat(PER, 0)
        return (people_ + stream.normal(size=people_.shape)) * scale / 2**0.5

    def drawn():
        return (0.8 * stream.normal(size=(subjects * PER, features)) + 0.3) * scale

    rows, owners = np.arange(subjects * PER), people(subjects)
    held, held_by_bootstrap, values, intervals, resampled = 0, 0, [], [], []
    for trial in range(trials):
        gram = Gram(torch.from_numpy(drawn()), torch.from_numpy(real()))
        halves = HalfSamples(owners, owners, generated=len(rows), times=40, seed=trial)
        values.append(gram.frechet(rows, rows))
        found = [gram.frechet(half.generated, half.test) for half in halves]
        intervals.append(halves.interval(values[-1], found))
        twice = [
            gram.frechet(
                stream.integers(len(rows), size=len(rows)),
                np.concatenate([rows[PER * s : PER * s + PER]
                                for s in stream.integers(subjects, size=subjects)]),
            )
            for _ in range(40)
        ]  # fmt: skip
        resampled.append(np.percentile(twice, [2.5, 97.5]))
    expected = np.mean(values)
    held = np.mean([low <= expected <= high for _, low, high in intervals])
    held_by_bootstrap = np.mean([low <= expected <= high for low, high in resampled])
    assert held >= 0.85
    assert held_by_bootstrap < 0.5
