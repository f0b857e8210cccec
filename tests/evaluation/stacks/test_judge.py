import math
from io import BytesIO

import pytest
import torch
from PIL import Image
from torch import nn

from judged_cases import Replay, case, heads, open_store
from mrigen.data.loader import TEST
from mrigen.evaluation.catalogue.listing import find_metric
from mrigen.evaluation.judgement import Judgement
from mrigen.evaluation.stacks.judge import judge_stacks
from mrigen.evaluation.stacks.stored import stored_stacks
from mrigen.images import from_integers
from mrigen.metrics.intervals import ratio_interval
from mrigen.metrics.roughness import roughness
from small_conditional import CONDITIONS, SmallConditional

SETTINGS = {"stacks": {"stacks": 3, "slices": 5}}


class Black(SmallConditional):
    def sample(self, noise, conditions=None):
        return torch.zeros_like(noise)


class Copy(nn.Module):
    """Answers every position with the real slice of one test subject that lies there."""

    noise_shape = (1,)
    conditions = CONDITIONS

    def __init__(self, store):
        super().__init__()
        (stack, *_) = stored_stacks(store, TEST, most_slices=9)
        images = from_integers(store.read(stack.rows))[:, None]
        self.images = nn.Parameter(images, requires_grad=False)
        self.positions = store.manifest["position_mm"].to_numpy()[stack.rows].tolist()

    def sample(self, noise, conditions=None):
        told = conditions["position_mm"].tolist()
        return self.images[[self.positions.index(place) for place in told]]


def judge(folder, network=None, **options):
    return judge_stacks(case(folder, network or SmallConditional(16), **(SETTINGS | options)))


def test_stacks_of_one_noise_and_their_contrasts_are_measured(tmp_path):
    judgement = judge(tmp_path)
    assert set(judgement.metrics) == {
        *("stack_roughness_ratio", "stack_difference_ratio", "stack_roughness_factor"),
        *("stack_roughness_factor_low", "stack_roughness_factor_high"),
        *("turning/stack_roughness_ratio", "turning/stack_difference_ratio"),
        *("independent/stack_roughness_ratio", "independent/stack_difference_ratio"),
    }
    for key, value in judgement.metrics.items():
        assert math.isfinite(value), key
        assert find_metric(key) is not None, key
    rows = {row["noise"]: row for row in judgement.tables["stacks"].rows}
    assert list(rows) == ["real", "shared", "turning", "independent"]
    assert [row["stacks"] for row in rows.values()] == [4, 3, 3, 3]
    for row in rows.values():
        assert set(row) <= set(judgement.tables["stacks"].columns)
    roughs = [rows[name]["roughness"] for name in ("shared", "turning", "independent")]
    assert roughs == sorted(roughs)
    assert judgement.remarks == []


def test_the_ratio_is_over_stacks_of_test_subjects(tmp_path):
    store = open_store(tmp_path)
    judgement = judge(tmp_path)
    real = [
        roughness(from_integers(store.read(stack.rows))[:, None])
        for stack in stored_stacks(store, TEST, most_slices=5)
    ]
    rows = {row["noise"]: row for row in judgement.tables["stacks"].rows}
    assert rows["real"]["roughness"] == pytest.approx(sum(each[1] for each in real) / len(real))
    ratio = rows["shared"]["roughness"] / rows["real"]["roughness"]
    assert judgement.metrics["stack_roughness_ratio"] == pytest.approx(ratio)
    assert judgement.metrics["stack_roughness_factor"] == pytest.approx(max(ratio, 1 / ratio))


def test_slices_of_a_real_head_are_about_as_rough_as_real(tmp_path):
    store = open_store(tmp_path)
    metrics = judge(tmp_path, Copy(store), stacks={"stacks": 3, "slices": 6}).metrics
    real = [
        roughness(from_integers(store.read(stack.rows))[:, None])[1]
        for stack in stored_stacks(store, TEST, most_slices=6)
    ]
    found = ratio_interval(real[:1] * 3, real)
    assert metrics["stack_roughness_ratio"] == pytest.approx(found.value)
    assert metrics["stack_roughness_factor_high"] < 2


def test_the_pictures_can_be_opened_and_are_the_same_each_time(tmp_path):
    one, two = judge(tmp_path).pictures, judge(tmp_path).pictures
    assert one == two
    assert set(one) == {"stack_slices", "stack_cuts"}
    for picture in one.values():
        with Image.open(BytesIO(picture.png)) as image:
            image.verify()


def test_few_stacks_have_no_interval(tmp_path):
    judgement = judge(tmp_path, stacks={"stacks": 2, "turn_mm": None})
    assert "stack_roughness_factor_low" not in judgement.metrics
    assert not any(key.startswith("turning/") for key in judgement.metrics)
    assert judgement.remarks == ["Fewer than 3 stacks were compared: too few for an interval."]


def test_other_networks_and_null_are_left_alone(tmp_path):
    for judgement in (judge(tmp_path, Replay(heads(range(4)))), judge(tmp_path, stacks=None)):
        assert judgement == Judgement()


def test_slices_without_positions_are_told(tmp_path):
    open_store(tmp_path, positions=False)
    judgement = judge(tmp_path)
    assert not judgement.metrics
    assert "have no neighbours" in judgement.remarks[0]


def test_stacks_of_several_distances_are_told(tmp_path, monkeypatch):
    def wider(*words, **options):
        found = stored_stacks(*words, **options)
        return [stack._replace(spacing_mm=2 * stack.spacing_mm) for stack in found]

    assert judge(tmp_path).remarks == []
    monkeypatch.setattr("mrigen.evaluation.stacks.judge.stored_stacks", wider)
    (remark,) = judge(tmp_path).remarks
    assert "mm apart, and the farther apart, the more they differ" in remark


def test_black_stacks_are_told(tmp_path):
    judgement = judge(tmp_path, Black(16))
    assert not judgement.metrics
    assert judgement.remarks == ["Stacks were not compared, as those called 'shared' show no head."]
