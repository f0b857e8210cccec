import pytest
import torch
from torch import nn

from judged_cases import Replay, heads, open_store
from mrigen.data.loader import TRAIN
from mrigen.evaluation.stacks.drawing import draw_stacks, imitated_stacks, takes_positions
from mrigen.models.interfaces import Condition
from mrigen.models.sampling import draw_samples
from small_conditional import SmallConditional
from told_people import Told, people_store, shown


def imitated(store, count=3, seed=5):
    return imitated_stacks(store, count, seed=seed, most_slices=32)


class Choice(Told):
    """Can be asked for a position only by name."""

    conditions = (Condition("position_mm", 0, 1, choices=("low", "high")),)


def test_only_generators_that_are_told_millimetres_take_positions():
    assert takes_positions(Told())
    assert takes_positions(SmallConditional(16))
    assert not takes_positions(Choice())
    assert not takes_positions(Replay(heads([0])))
    assert not takes_positions(nn.Identity())


def test_every_slice_is_told_its_own_position_and_the_same_person(tmp_path):
    store = people_store(tmp_path / "people")
    stacks = imitated(store)
    for stack, images in zip(stacks, draw_stacks(Told(), store, stacks, seed=0, noise="shared"),
                             strict=True):  # fmt: skip
        told = shown(images)
        assert [each["position_mm"] for each in told] == [0, 4, 8, 12]
        manifest = store.manifest.iloc[stack.rows[0]]
        people = [{k: v for k, v in each.items() if k != "position_mm"} for each in told]
        assert all(person == people[0] for person in people)
        assert people[0].get("age", manifest["age"]) == pytest.approx(manifest["age"], nan_ok=True)
        assert ("sex" in people[0]) == (manifest["sex"] in ("f", "m"))


def test_pseudo_volumes_imitate_training_people_whom_the_seed_picks(tmp_path):
    store = open_store(tmp_path)
    stacks = imitated(store, 8)
    assert {store.manifest["split"].iloc[row] for stack in stacks for row in stack.rows} == {TRAIN}
    again = imitated(store, 4, seed=9)
    assert [stack.rows.tolist() for stack in again] == [s.rows.tolist() for s in stacks[4:]]
    assert len({stack.subject for stack in stacks}) > 1


def test_without_neighbours_nothing_is_imitated(tmp_path):
    assert imitated(open_store(tmp_path, positions=False)) == []


def test_shared_noise_is_that_of_samples_of_the_seed(tmp_path):
    store, network = open_store(tmp_path), SmallConditional(16)
    stacks = imitated(store, 2)
    drawn = draw_stacks(network, store, stacks, seed=7, noise="shared")[1]
    first = store.manifest.iloc[stacks[1].rows[2]]
    told = {"position_mm": first["position_mm"], "age": first["age"], "sex": 0.0}
    assert (drawn[2] - draw_samples(network, [8], told)[0]).abs().max() < 1 / 255


def test_kinds_of_noise_differ_in_how_much_neighbours_have_of_each_other(tmp_path):
    store, network = open_store(tmp_path), SmallConditional(16)
    stacks = imitated(store, 2)

    def grain(noise):
        drawn = torch.cat(draw_stacks(network, store, stacks[:1], seed=7, noise=noise))
        corner = drawn[:, :, :4, :2]  # outside of the disc
        return float((corner[1:] - corner[:-1]).abs().mean())

    assert grain("shared") < 1e-6 < grain(20.0) < grain("independent")
