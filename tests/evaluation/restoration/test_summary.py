import numpy as np
import pytest

from mrigen.evaluation.judgement import Judgement
from mrigen.evaluation.restoration.summary import interval_columns, interval_of, put_scores
from mrigen.metrics.intervals import Interval, mean_interval

SUBJECTS = np.array(["a", "a", "b", "b", "c", "c"], dtype=object)
VALUES = np.array([1.0, 2.0, 4.0, 5.0, 7.0, 8.0])


def test_means_come_with_intervals_over_subjects_and_spread_over_slices():
    judgement = Judgement()
    put_scores(judgement, {"clean_ssim": VALUES}, SUBJECTS, seed=1)
    expected = mean_interval(VALUES, SUBJECTS, seed=1)
    assert judgement.metrics == {
        "clean_ssim": 4.5,
        "clean_ssim_low": expected.low,
        "clean_ssim_high": expected.high,
        "clean_ssim_sd": pytest.approx(VALUES.std(ddof=1)),
    }


def test_the_input_has_no_interval():
    judgement = Judgement()
    put_scores(judgement, {"input_slice_mse": VALUES}, SUBJECTS, seed=0)
    assert set(judgement.metrics) == {"input_slice_mse", "input_slice_mse_sd"}


def test_slices_without_a_score_do_not_count():
    values = VALUES.copy()
    values[:2] = np.nan
    judgement = Judgement()
    scores = {"patch_mse": values, "patch_ssim": np.full(6, np.nan)}
    put_scores(judgement, scores, SUBJECTS, seed=0)
    assert judgement.metrics["patch_mse"] == 6
    assert "patch_mse_low" not in judgement.metrics  # two subjects are left
    assert not any(name.startswith("patch_ssim") for name in judgement.metrics)
    assert interval_of(values, SUBJECTS, seed=0) == Interval(6.0)


def test_columns_are_the_value_and_its_ends():
    columns = interval_columns("ssim", Interval(0.5, 0.4, None))
    assert columns == {"ssim": 0.5, "ssim_low": 0.4, "ssim_high": None}
