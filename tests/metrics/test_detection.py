import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, precision_recall_curve, roc_auc_score

from mrigen.metrics.detection import (
    auroc,
    average_precision,
    best_dice,
    count_levels,
    precision_recall,
)

PLAIN = st.lists(st.tuples(st.integers(0, 5), st.booleans()), min_size=2, max_size=40)


def both(cases):
    return len({marked for _, marked in cases}) == 2


@given(PLAIN.filter(both))
@settings(deadline=None)
def test_areas_are_those_of_scikit_learn_with_ties(cases):
    scores, marked = map(np.array, zip(*cases, strict=True))
    levels = count_levels(scores / 5, marked)
    assert auroc(levels) == pytest.approx(roc_auc_score(marked, scores))
    assert average_precision(levels) == pytest.approx(average_precision_score(marked, scores))


@given(PLAIN.filter(both))
@settings(deadline=None)
def test_best_dice_is_the_best_of_all_thresholds(cases):
    scores, marked = map(np.array, zip(*cases, strict=True))
    by_hand = {}
    for threshold in sorted(set(scores.tolist()), reverse=True):
        called = scores >= threshold
        by_hand[threshold] = 2 * (called & marked).sum() / (called.sum() + marked.sum())
    best = best_dice(count_levels(scores.astype(float), marked))
    assert best.dice == pytest.approx(max(by_hand.values()))
    assert best.threshold == next(k for k, v in by_hand.items() if v == max(by_hand.values()))


@given(PLAIN.filter(both))
@settings(deadline=None)
def test_turning_scores_around_turns_the_area_around(cases):
    scores, marked = map(np.array, zip(*cases, strict=True))
    turned = auroc(count_levels(-scores.astype(float), marked))
    assert turned == pytest.approx(1 - auroc(count_levels(scores.astype(float), marked)))


@pytest.mark.parametrize("marked", [False, True])
def test_one_class_alone_has_no_number(marked):
    levels = count_levels([0.1, 0.2], [marked, marked])
    assert auroc(levels) is None
    assert average_precision(levels) is None
    assert best_dice(levels) is None


def test_pixels_by_the_hundred_thousand_are_measured_as_by_scikit_learn():
    noise = np.random.default_rng(0)
    marked = noise.random(300_000) < 0.02
    scores = (noise.standard_normal(300_000) + 1.5 * marked).astype(np.float32)
    levels = count_levels(scores, marked)
    assert auroc(levels) == pytest.approx(roc_auc_score(marked, scores), abs=1e-12)
    precision = average_precision_score(marked, scores)
    assert average_precision(levels) == pytest.approx(precision, abs=1e-12)


def test_points_of_the_precision_recall_curve_are_those_of_scikit_learn():
    noise = np.random.default_rng(0)
    marked = noise.random(3000) < 0.2
    scores = (noise.standard_normal(3000) + marked).round(2)
    recall, precision = precision_recall(count_levels(scores, marked), points=50)
    assert len(recall) <= 50
    assert recall[-1] == 1
    assert np.diff(recall).max() < 0.06
    expected = precision_recall_curve(marked, scores)
    known = {(round(r, 9), round(p, 9)) for p, r in zip(*expected[:2], strict=True)}
    assert {(round(r, 9), round(p, 9)) for r, p in zip(recall, precision, strict=True)} <= known


def test_one_class_alone_has_no_curve():
    assert precision_recall(count_levels([0.1, 0.2], [True, True])) is None
