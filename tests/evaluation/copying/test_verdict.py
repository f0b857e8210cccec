import numpy as np
import pytest

from mrigen.evaluation.copying.verdict import copied, copied_interval, copied_of_real, limits

SUBJECTS = np.repeat([f"s{number:02d}" for number in range(20)], 50)


def control(seed=0, count=1000):
    return np.random.default_rng(seed).uniform(0.5, 1, (2, count))


def test_two_spaces_share_the_percentile():
    found = limits(control(), 4)
    assert found == pytest.approx(np.percentile(control(), 2, axis=1))
    assert copied(control(1, 20_000), control(2, 20_000), 4).mean() == pytest.approx(
        0.04, abs=0.005
    )


def test_one_space_is_enough():
    relative = np.array([[0.1, 0.9, 0.9, 0.1], [0.9, 0.1, 0.9, 0.1]])
    assert copied(relative, control(), 1).tolist() == [True, True, False, True]


def test_real_slices_pass_for_copies_about_as_often_as_was_asked_for():
    assert copied_of_real(control(), SUBJECTS, 4) == pytest.approx(0.04, abs=0.015)


def test_a_subject_is_not_measured_by_its_own_limits():
    values = control()
    values[:, SUBJECTS == "s03"] = 0.01
    assert copied_of_real(values, SUBJECTS, 4) >= 0.05


def test_few_subjects_give_wide_intervals_and_two_give_none():
    draw = np.random.default_rng(3)
    shifted = control() + draw.normal(0, 0.03, 20).repeat(50)
    relative = control(1) - 0.05
    sure = copied_interval(relative, control(), SUBJECTS, percentile=5, seed=0)
    unsure = copied_interval(relative, shifted, SUBJECTS, percentile=5, seed=0)
    assert sure.low <= sure.value <= sure.high
    assert unsure.high - unsure.low > sure.high - sure.low
    assert sure == copied_interval(relative, control(), SUBJECTS, percentile=5, seed=0)
    two = copied_interval(relative, control(), SUBJECTS > "s09", percentile=5, seed=0)
    assert (two.low, two.high) == (None, None)


def test_intervals_draw_subjects_and_not_slices():
    of_subjects = np.linspace(0.5, 0.9, 20).repeat(50)[None] + np.zeros((2, 1))
    relative = control(1) - 0.1
    alone = np.arange(1000).astype(str)
    found = copied_interval(relative, of_subjects, SUBJECTS, percentile=20, seed=0)
    as_if_alone = copied_interval(relative, of_subjects, alone, percentile=20, seed=0)
    assert found.value == as_if_alone.value
    assert found.high - found.low > 2 * (as_if_alone.high - as_if_alone.low)
