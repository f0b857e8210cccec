import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score, confusion_matrix

from mrigen.errors import DataError
from mrigen.metrics.classification import balanced_mean, balanced_mean_interval, confusion


def answers(seed=0, count=60, classes=3):
    stream = np.random.default_rng(seed)
    truth = stream.integers(classes, size=count)
    wrong = stream.integers(classes, size=count)
    return truth, np.where(stream.random(count) < 0.6, truth, wrong)


def test_counts_and_accuracy_are_those_of_scikit_learn():
    truth, predicted = answers()
    expected = confusion_matrix(truth, predicted, labels=[0, 1, 2])
    assert (confusion(truth, predicted, classes=3) == expected).all()
    assert balanced_mean(predicted == truth, truth) == pytest.approx(
        balanced_accuracy_score(truth, predicted), abs=1e-12
    )


def test_classes_that_nothing_belongs_to_have_counts_of_zero():
    assert confusion(np.array([0]), np.array([0]), classes=3).shape == (3, 3)


def test_a_small_class_counts_as_much_as_a_large_one():
    truth = np.array([0] * 9 + [1])
    assert balanced_mean(truth == 0, truth) == 0.5


def test_an_interval_is_around_its_value_and_shorter_with_more_subjects():
    def spread(people):
        truth, predicted = answers(count=10 * people, classes=2)
        subjects = np.repeat([f"s{number}" for number in range(people)], 10)
        value, low, high = balanced_mean_interval(predicted == truth, truth, subjects)
        assert low < value < high
        return high - low

    assert spread(100) < 0.6 * spread(20)


def test_whole_subjects_are_resampled_among_those_of_their_own_class():
    # Four of each sex; half of each are always right. Three or more of four are right or wrong
    # in 5 of 16 samples, so that the interval is far wider than that of forty slices.
    truth = np.repeat([0, 1], 40)
    subjects = np.repeat([f"s{number}" for number in range(8)], 10)
    hits = np.repeat([1, 1, 0, 0] * 2, 10)
    value, low, high = balanced_mean_interval(hits, truth, subjects)
    assert value == 0.5
    assert (low, high) == (0.125, 0.875)
    # Were men drawn for women, a class that is always right would be missed at times.
    assert balanced_mean_interval(truth, truth, subjects) == (0.5, 0.5, 0.5)


def test_equal_answers_have_no_difference():
    truth, _ = answers()
    subjects = [f"s{number % 12}" for number in range(60)]
    assert balanced_mean_interval(np.zeros(60), truth, subjects) == (0, 0, 0)


def test_there_is_no_interval_for_a_class_of_two_subjects():
    truth = np.array([0, 0, 0, 1, 1])
    assert balanced_mean_interval(truth, truth, list("abcde")) == (0.5, None, None)
    assert balanced_mean_interval(truth, truth, list("abcab")).low is None
    assert balanced_mean_interval(np.tile(truth, 2), np.tile(truth, 2), list("abcababcdc")).low


def test_the_seed_alone_decides():
    truth, predicted = answers()
    subjects = [f"s{number % 12}" for number in range(60)]
    first, again, other = (
        balanced_mean_interval(predicted == truth, truth, subjects, seed=seed) for seed in (1, 1, 2)
    )
    assert first == again
    assert first != other


def test_refuses_what_has_no_mean():
    with pytest.raises(DataError, match="have no mean"):
        balanced_mean_interval([], np.array([], int), [])
    with pytest.raises(DataError, match="3 values of 2 classes"):
        balanced_mean_interval([1, 1, 1], np.array([0, 1]), list("abc"))
