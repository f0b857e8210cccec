import pytest

from judged_cases import Replay, case, heads
from mrigen.evaluation.generation.quick_mode import judge_quick_mode
from mrigen.evaluation.generation.sets import choose_sets


class Hurried(Replay):
    """Draws its images quickly with as much more light."""

    def __init__(self, images, more):
        super().__init__(images)
        self.more, self.drawn_quickly = more, 0

    def sample_quickly(self, noise, conditions=None):
        start, self.drawn_quickly = self.drawn_quickly, self.drawn_quickly + len(noise)
        rows = [i % len(self.images) for i in range(start, self.drawn_quickly)]
        return (self.images[rows] + self.more).clamp(0, 1)


def judged(folder, network):
    sets = choose_sets(case(folder, network))
    features = sets.features(sets.case.extractor)
    return judge_quick_mode(features, sets, distance=2.0)


def test_the_quick_mode_is_judged_beside_the_usual_one(tmp_path):
    same = judged(tmp_path, Hurried(heads(range(24)), 0.0)).metrics
    light = judged(tmp_path, Hurried(heads(range(24)), 0.2)).metrics
    assert same["quick_difference"] == 0
    assert light["quick_difference"] == pytest.approx(0.2, abs=0.01)
    for name in ("quick_frechet_distance", "quick_kernel_distance"):
        assert light[name] > same[name]
    for metrics in (same, light):
        assert metrics["quick_frechet_ratio"] == metrics["quick_frechet_distance"] / 2


def test_pairs_of_slices_are_shown(tmp_path):
    judgement = judged(tmp_path, Hurried(heads(range(24)), 0.2))
    assert judgement.pictures["quick_mode"].png.startswith(b"\x89PNG")


def test_a_network_without_a_quick_mode_is_not_judged(tmp_path):
    judgement = judged(tmp_path, Replay(heads(range(24))))
    assert not judgement.metrics
    assert not judgement.pictures
