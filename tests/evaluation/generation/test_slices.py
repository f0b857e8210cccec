import pytest
import torch

from judged_cases import Replay, case, heads, pixels
from mrigen.data.loader import TEST
from mrigen.evaluation.generation.sets import Three, choose_sets
from mrigen.evaluation.generation.slices import judge_slices


def judged(folder, images):
    sets = choose_sets(case(folder, Replay(images)))
    return judge_slices(sets.features(pixels()), sets), sets


def test_each_test_slice_has_the_distance_to_its_nearest_generated_slice(tmp_path):
    judgement, sets = judged(tmp_path, heads(range(24)))
    generated, test = sets.images().generated.flatten(1), sets.images().test.flatten(1)
    expected = torch.cdist(test.double(), generated.double()).min(1).values
    rows = judgement.tables["generation_slices"].rows
    assert [row["row"] for row in rows] == sets.test.tolist()
    assert [row["nearest_distance"] for row in rows] == pytest.approx(expected.tolist(), abs=1e-6)
    assert judgement.metrics["nearest_distance"] == pytest.approx(float(expected.mean()))
    low, high = (judgement.metrics[f"nearest_distance_{end}"] for end in ("low", "high"))
    assert low < judgement.metrics["nearest_distance"] < high


def test_slices_like_the_test_slices_are_near_and_others_far(tmp_path):
    first = case(tmp_path, Replay(heads([0])))
    real = first.images(first.rows(TEST))
    near = judged(tmp_path, real)[0].metrics["nearest_distance"]
    far = judged(tmp_path, torch.zeros_like(real))[0].metrics["nearest_distance"]
    assert near < 0.05 < far


def test_real_training_slices_say_how_near_is_possible(tmp_path):
    sets = choose_sets(case(tmp_path, Replay(heads(range(24)))))
    features = sets.features(pixels())
    swapped = Three(features.train, features.test, features.train)
    metrics = judge_slices(swapped, sets).metrics
    assert metrics["nearest_distance"] == pytest.approx(metrics["nearest_distance_of_real"])
