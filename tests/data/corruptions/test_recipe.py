"""Steps in their order, branches, and damage that comes back."""

from typing import get_args

import numpy as np
import pytest
import torch

from damage import damage, heads, items, recipe
from mrigen.data.corruptions.batches import Item, draw
from mrigen.data.corruptions.recipe import STEPS, OneOf, Repeat, StepConfig
from mrigen.seeds import rng

DARK = {"name": "bias_field", "loss": 1}
BRIGHT = {"name": "rescale"}
LINE = {"name": "line_patch"}
SHAPE = (32, 32)


def names(steps, item):
    return [drawn.step.name for drawn in draw(recipe(*steps), [item], SHAPE)]


@pytest.mark.parametrize(
    ("step", "key", "value"),
    [
        ("blank_squares", "size", 20),
        ("blank_squares", "centre", 64),
        ("motion", "poses", 4),
        ("gibbs", "keep", 0.5),
    ],
)
def test_a_single_number_is_a_range_of_one(step, key, value):
    single, pair = (recipe({"name": step, key: given}) for given in (value, [value, value]))
    assert single == pair


def test_steps_are_done_in_their_order():
    clean = heads(2)
    first = damage(clean, {"name": "line_patch", "min_opacity": 1}, {"name": "blur", "sigma": 2})
    second = damage(clean, {"name": "blur", "sigma": 2}, {"name": "line_patch", "min_opacity": 1})
    steep = [float(answer.images.diff(dim=-1).abs().max()) for answer in (first, second)]
    assert steep[0] < 0.5 * steep[1]


def test_an_item_draws_from_its_own_stream_alone():
    together = draw(recipe(LINE, {"name": "gibbs"}), items(5, seed=7, epoch=3), SHAPE)
    stream = rng(7, "train", 3, 4)
    for drawn in together:
        stream.random()  # whether it is done at all
        assert np.array_equal(drawn.parameters[4], drawn.step.draw(stream, SHAPE))


def test_other_pass_other_split_other_damage():
    first = draw(recipe(LINE), [Item(0, "train", 0, 5)], SHAPE)[0].parameters
    for other in (Item(0, "train", 1, 5), Item(0, "test", 0, 5), Item(1, "train", 0, 5)):
        assert not np.array_equal(first, draw(recipe(LINE), [other], SHAPE)[0].parameters)


def test_one_branch_is_chosen_for_each_item():
    branches = [[DARK], [BRIGHT, LINE], []]
    one_of = {"name": "one_of", "steps": branches}
    drawn = draw(recipe(one_of), items(3000), SHAPE)
    dark, bright, line = (each.places.tolist() for each in drawn)
    assert bright == line
    assert not set(dark) & set(bright)
    assert 900 < len(dark) < 1100
    assert 900 < len(bright) < 1100


def test_in_turn_shows_every_slice_in_every_way():
    one_of = {"name": "one_of", "choose": "in_turn", "steps": [[DARK], [BRIGHT], [LINE]]}
    for row in range(4):
        seen = [names([one_of], Item(0, "train", epoch, row)) for epoch in range(3)]
        assert sorted(seen) == [["bias_field"], ["line_patch"], ["rescale"]]
    balanced = [names([one_of], Item(0, "train", 0, row))[0] for row in range(30)]
    assert all(balanced.count(name) == 10 for name in set(balanced))


def test_repeated_damage_comes_back_after_its_passes():
    def drawn(epoch, passes):
        steps = recipe({"name": "repeat", "passes": passes, "steps": [LINE]})
        return draw(steps, [Item(0, "train", epoch, 2)], SHAPE)[0].parameters

    assert np.array_equal(drawn(0, 1), drawn(5, 1))
    assert np.array_equal(drawn(1, 3), drawn(4, 3))
    assert not np.array_equal(drawn(0, 3), drawn(1, 3))


def test_two_repeats_do_not_draw_the_same():
    twice = [{"name": "repeat", "steps": [LINE]}] * 2
    first, second = draw(recipe(*twice), items(1), SHAPE)
    assert not np.array_equal(first.parameters, second.parameters)


def test_the_augmented_set_of_the_line_study_can_be_said():
    branches = [[{"name": name}] for name in ("lower_resolution", "gibbs", "ghosting")]
    one_of = {"name": "one_of", "choose": "in_turn", "steps": branches}
    steps = [{"name": "repeat", "passes": 3, "steps": [LINE, one_of]}]
    seen = [tuple(names(steps, Item(0, "train", epoch, 8))) for epoch in range(6)]
    assert len(set(seen)) == 3
    assert seen[:3] == seen[3:]
    assert all(kinds[0] == "line_patch" and len(kinds) == 2 for kinds in seen)


def test_the_augmentation_of_the_denoising_study_can_be_said():
    answer = damage(
        heads(200, 64),
        {"name": "pixel_dropout", "rate": [0, 0.04]},
        {"name": "gaussian_noise", "std": [0, 0.04]},
        {"name": "blank_squares", "probability": 0.2},
        {"name": "blur", "sigma": 0.6, "kernel": 3, "border": "zero", "probability": 0.1},
        {"name": "rescale"},
    )
    assert torch.equal(answer.images.amin((1, 2, 3)), torch.zeros(200))
    assert torch.equal(answer.images.amax((1, 2, 3)), torch.ones(200))
    assert 20 <= answer.patch.flatten(1).any(1).sum() <= 60
    corner = answer.images[:, 0, :6, :6].median(-1).values.median(-1).values
    assert corner.median() > 0.03  # air has become grey


def test_the_table_of_steps_is_whole():
    union, _ = get_args(StepConfig)
    assert {*get_args(union)} == {*STEPS, OneOf, Repeat}


@pytest.mark.parametrize("depth", [1, 3])
def test_branches_may_hold_branches(depth):
    steps = [LINE]
    for _ in range(depth):
        steps = [{"name": "one_of", "steps": [steps, [BRIGHT]]}]
    drawn = draw(recipe(*steps), items(400), SHAPE)
    lines = next(len(each.places) for each in drawn if each.step.name == "line_patch")
    assert 0.7 * 400 / 2**depth < lines < 1.3 * 400 / 2**depth
