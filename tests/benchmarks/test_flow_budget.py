import doctest

import flow_budget
import pytest
from flow_budget import Budget, Calibration, calibrate


def test_examples():
    assert doctest.testmod(flow_budget).failed == 0


def test_first_epoch_may_take_longer_and_is_counted_once():
    assert calibrate([5.0, 6.0, 7.0, 8.0]) == Calibration(startup=4.0, per_epoch=1.0)
    assert calibrate([5.0, 6.0, 7.0, 8.0]).epochs(14.0) == 10


def test_a_quick_first_epoch_is_no_gain():
    assert calibrate([0.5, 1.5, 2.5]).startup == 0


@pytest.mark.parametrize("seconds", [0.1, 2.0, 3.9])
def test_there_is_one_epoch_at_least(seconds):
    assert Calibration(startup=0.0, per_epoch=2.0).epochs(seconds) == 1


def test_processor_seconds_are_shared_among_the_cores():
    one, two = Budget(1, "cpu", 1), Budget(1, "cpu", 2)
    before, between, after = two.now(), one.now(), two.now()
    assert 2 * before <= between <= 2 * after


def test_looks_are_paid_for_with_epochs():
    found = Calibration(startup=0.0, per_epoch=2.0, per_look=3.0)
    assert found.epochs(20.0, lambda _: 1) == 8
    assert found.epochs(20.0, lambda epochs: 1 + epochs // 4) == 7
    assert found.epochs(20.0) == 10
