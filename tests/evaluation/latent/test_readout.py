import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score, r2_score

from mrigen.evaluation.latent.readout import Known, _explained, read_class, read_number


def people(count, seed, slices=5, latents=4, noise=0.1):
    """Latents of slices, the first of which carries the value of the subject but for noise."""
    stream = np.random.default_rng(seed)
    values = np.repeat(stream.normal(50, 15, count), slices)
    codes = stream.normal(size=(count * slices, latents))
    codes[:, 0] = (values - 50) / 15 + noise * codes[:, 0]
    subjects = np.repeat([f"s{seed}-{number}" for number in range(count)], slices)
    return Known(codes, values, subjects.astype(object))


def test_what_is_there_is_read():
    value, low, high = read_number(people(30, 0), people(20, 1), seed=0)
    assert low <= value <= high
    assert value > 0.95


def test_what_is_not_there_is_not_read():
    train, test = people(30, 0), people(20, 1)
    stream = np.random.default_rng(3)
    mute = [part._replace(codes=stream.normal(size=part.codes.shape)) for part in (train, test)]
    assert read_number(*mute, seed=0).value < 0.1


def test_the_mean_of_the_wrong_people_is_worse_than_nothing():
    train, test = people(30, 0), people(20, 1)
    mute = train._replace(codes=0 * train.codes), test._replace(codes=0 * test.codes)
    older = mute[1]._replace(values=mute[1].values + 30)
    assert read_number(mute[0], older, seed=0).value < -1


def test_the_penalty_is_chosen_over_subjects():
    # Enough latents to know every training subject by heart: slices of one subject are alike,
    # and a choice over slices would take the smallest penalty.
    stream = np.random.default_rng(0)

    def many(count, seed):
        part = people(count, seed)
        _, owners = np.unique(part.subjects, return_inverse=True)
        codes = stream.normal(size=(count, 60))[owners]
        return part._replace(codes=codes + 0.01 * stream.normal(size=codes.shape))

    assert read_number(many(30, 0), many(20, 1), seed=0).value > -0.3


def test_r2_is_that_of_scikit_learn():
    test = people(20, 1)
    read = test.values + np.random.default_rng(2).normal(0, 8, len(test.values))
    expected = r2_score(test.values, read)
    assert _explained(test, read, 0).value == pytest.approx(expected, rel=1e-12)


def test_the_interval_is_that_of_resampled_subjects():
    test = people(8, 1)
    stream = np.random.default_rng(2)
    read = test.values + np.repeat(stream.normal(0, 8, 8), 5)
    _, low, high = _explained(test, read, 0)
    blocks = np.arange(40).reshape(8, 5)
    drawn = [blocks[stream.integers(8, size=8)].ravel() for _ in range(1500)]
    values = [r2_score(test.values[rows], read[rows]) for rows in drawn]
    assert np.percentile(values, 97.5) == pytest.approx(high, abs=0.05)
    assert np.percentile(values, 25) > low


def test_there_is_no_interval_for_two_subjects():
    assert read_number(people(10, 0), people(2, 1), seed=0).low is None


def test_classes_are_told_and_a_rare_one_counts_as_much():
    def sexes(count, seed):
        part = people(count, seed)
        return part._replace(values=np.where(part.values > 65, 1.0, -1.0))

    train, test = sexes(60, 0), sexes(40, 1)
    assert 0.05 < (train.values > 0).mean() < 0.3
    value, low, high = read_class(train, test, seed=0)
    assert value > 0.85
    assert low <= value <= high
    mute = train._replace(codes=train.codes[:, 1:]), test._replace(codes=test.codes[:, 1:])
    assert abs(read_class(*mute, seed=0).value - 0.5) < 0.2
    assert balanced_accuracy_score(test.values, np.full(len(test.values), -1)) == 0.5


def test_slices_of_which_nothing_is_known_are_left_out():
    part = people(3, 0)
    part.values[:5] = np.nan
    known = part.where_known()
    assert (len(known.codes), len(known.values), set(known.subjects)) == (10, 10, {"s0-1", "s0-2"})
