import gc

import pytest

from mrigen.serving.engine.pace import Pace
from mrigen.serving.work import Drawing
from watched_sampler import WatchedSampler


def kind(net, *, quick=False):
    return Drawing(net, range(1), {}, quick=quick).kind


def test_what_was_never_measured_takes_no_time():
    assert Pace().seconds(kind(WatchedSampler())) == 0


def test_the_first_chunk_does_not_count_once_there_is_another():
    pace, net = Pace(), WatchedSampler()
    pace.learn(kind(net), 50)
    assert pace.seconds(kind(net)) == 50
    pace.learn(kind(net), 1)
    assert pace.seconds(kind(net)) == 1


def test_the_mean_follows_a_change():
    pace, net = Pace(), WatchedSampler()
    for seconds in [1] * 10 + [3] * 100:
        pace.learn(kind(net), seconds)
    assert pace.seconds(kind(net)) == pytest.approx(3, abs=0.01)


def test_the_quick_mode_has_a_pace_of_its_own():
    pace, net = Pace(), WatchedSampler()
    pace.learn(kind(net), 50)
    pace.learn(kind(net, quick=True), 8)
    assert (pace.seconds(kind(net)), pace.seconds(kind(net, quick=True))) == (50, 8)


def test_a_network_is_forgotten_with_its_end():
    pace = Pace()
    pace.learn(kind(WatchedSampler()), 1)
    gc.collect()
    assert not pace._known
