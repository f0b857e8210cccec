import math

import pytest
from matplotlib.figure import Figure

from made_studies import made_study
from mrigen.tuning.figures.marks import draw_marks, mark_of, score_limits
from mrigen.tuning.records import TrialState


def test_baseline_and_best_have_marks_of_their_own():
    record = made_study()
    marks = {trial.number: mark_of(trial, record) for trial in record.trials}
    assert marks[0].label == "baseline"
    assert marks[record.best.number].label == "best"
    assert [marks[number].label for number in (5, 7, 24)] == [
        "failed", "pruned: its last look", "running: its last look"
    ]  # fmt: skip
    assert marks[6] is None  # lost


@pytest.mark.parametrize(
    "scores", [[], [2.0], [2.0, 2.0, 2.0, 2.0], [2.0, 2.0, 2.0, 3.0], [-1.0, 3.0]]
)
def test_limits_hold_all_of_few_scores(scores):
    low, high = score_limits(scores)
    assert low < min(scores, default=high)
    assert high > max(scores, default=low)


def test_one_bad_score_does_not_flatten_the_others():
    low, high = score_limits([30.0, 31.0, 32.0, 33.0, 34.0, 5000.0, math.nan])
    assert low < 30
    assert 34 < high < 40


def test_scores_above_the_limits_and_failures_stand_at_the_edge():
    record = made_study()
    axes = Figure().subplots()
    draw_marks(axes, record, record.counted, lambda trial: trial.number, (34.0, 40.0))
    points = {
        number: (height, line.get_marker())
        for line in axes.lines
        for number, height in zip(*line.get_data(), strict=True)
    }
    assert max(height for height, _ in points.values()) == 40.0
    far = [t.number for t in record.complete if t.values[0] > 40]
    assert far
    assert all(points[number] == (40.0, "^") for number in far)
    failed = next(trial for trial in record.trials if trial.state is TrialState.FAILED)
    assert points[failed.number] == (40.0, "x")
