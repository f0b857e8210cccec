import numpy as np
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

from mrigen.errors import DataError
from mrigen.metrics import detection_intervals
from mrigen.metrics.detection import best_dice, count_levels
from mrigen.metrics.detection_intervals import detect
from mrigen.seeds import rng


def test_many_float32_pixels_are_measured_as_by_scikit_learn():
    noise = np.random.default_rng(0)
    marked = noise.random(200_000) < 0.02
    scores = (noise.standard_normal(200_000) + 1.5 * marked).astype(np.float32)
    found = detect(scores, marked, np.arange(200_000) // 10_000, times=50)
    assert found.auroc.value == pytest.approx(roc_auc_score(marked, scores), abs=1e-12)
    precision = average_precision_score(marked, scores)
    assert found.average_precision.value == pytest.approx(precision, abs=1e-12)
    assert found.share == pytest.approx(marked.mean())
    called = scores >= found.threshold
    dice = 2 * (called & marked).sum() / (called.sum() + marked.sum())
    assert found.best_dice.value == pytest.approx(dice)


def test_one_class_alone_has_no_number():
    assert detect([0.1, 0.2], [True, True], [0, 1]) is None
    assert detect([0.1, 0.2], [False, False], [0, 1]) is None


def test_scores_that_are_all_the_same_are_chance():
    found = detect(np.zeros(40), np.arange(40) % 4 == 0, np.arange(40) // 10)
    assert found.auroc == (0.5, 0.5, 0.5)
    assert found.average_precision.value == found.share == 0.25


def cohort(people, pixels=400, seed=0):
    """Subjects whose lesions differ in how well they show."""
    noise = np.random.default_rng(seed)
    subjects = np.repeat(np.arange(people), pixels)
    marked = noise.random(len(subjects)) < 0.1
    contrast = noise.uniform(0, 3, people)[subjects]
    return noise.standard_normal(len(subjects)) + contrast * marked, marked, subjects


def test_intervals_are_those_of_samples_of_whole_subjects(monkeypatch):
    scores, marked, subjects = cohort(6)
    found = detect(scores, marked, subjects, seed=3, times=200)
    # Exact on every sample: more levels than scores.
    monkeypatch.setattr(detection_intervals, "_ROUNDED_LEVELS", 10_000)
    exact = detect(scores, marked, subjects, seed=3, times=200)
    for rounded, interval in zip(found[:3], exact[:3], strict=True):
        assert interval.low < interval.value < interval.high
        assert rounded == pytest.approx(interval, abs=0.003)
    chosen = rng(3, "bootstrap").integers(6, size=(200, 6))
    rows = [np.concatenate([np.flatnonzero(subjects == who) for who in row]) for row in chosen]
    areas = [roc_auc_score(marked[row], scores[row]) for row in rows]
    assert exact.auroc[1:] == pytest.approx(np.percentile(areas, [2.5, 97.5]))
    precisions = [average_precision_score(marked[row], scores[row]) for row in rows]
    assert exact.average_precision[1:] == pytest.approx(np.percentile(precisions, [2.5, 97.5]))
    dice = [best_dice(count_levels(scores[row], marked[row])).dice for row in rows]
    assert exact.best_dice[1:] == pytest.approx(np.percentile(dice, [2.5, 97.5]))


def test_more_subjects_give_narrower_intervals():
    few, many = (detect(*cohort(people), times=300).auroc for people in (8, 80))
    assert many.high - many.low < 0.6 * (few.high - few.low)


def test_two_subjects_have_no_interval():
    assert detect(*cohort(2)).auroc[1:] == (None, None)


def test_samples_without_lesions_are_left_out():
    scores, marked, subjects = cohort(9)
    found = detect(scores, marked & (subjects < 3), subjects, times=100)
    assert np.isfinite(found.auroc).all()


def test_a_side_of_two_subjects_has_no_interval_however_many_the_other_has():
    scores, _, subjects = cohort(9)
    for marked in (subjects < 2, subjects >= 2):
        assert detect(scores, marked, subjects).auroc[1:] == (None, None)
    assert None not in detect(scores, subjects < 3, subjects, times=100).auroc


@pytest.mark.parametrize(
    ("scores", "marked", "subjects", "told"),
    [
        ([[0.1]], [[True]], [0], "expected a line of scores"),
        ([0.1, 0.2], [True], [0, 0], "one mark for each"),
        ([0.1, np.nan], [True, False], [0, 0], "not finite"),
        ([0.1, 0.2], [True, False], [0], "expected one each"),
    ],
)
def test_what_does_not_fit_together_is_refused(scores, marked, subjects, told):
    with pytest.raises(DataError, match=told):
        detect(scores, marked, subjects)
