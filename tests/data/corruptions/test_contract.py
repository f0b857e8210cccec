"""What holds for every kind of damage."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from damage import NAMES, damage, heads, items, recipe
from mrigen.data.corruptions.batches import corrupt, draw

# With their defaults some items of these would hardly be touched.
MILD = {"blur": {"sigma": [1, 2]}, "gaussian_noise": {"std": [0.02, 0.04]}}
ALL = [{"name": name} | MILD.get(name, {}) for name in NAMES]
MIXED = {"name": "one_of", "steps": [[step] for step in ALL]}

every_step = pytest.mark.parametrize("step", [*ALL, MIXED], ids=[*NAMES, "one_of"])


@every_step
@settings(deadline=None, max_examples=10)
@given(seed=st.integers(0, 10_000), height=st.integers(9, 40), width=st.integers(9, 40))
def test_strength_zero_gives_the_images_back_bit_by_bit(step, seed, height, width):
    clean = heads(3, height, width)
    answer = damage(clean, step, strength=0, seed=seed)
    assert torch.equal(answer.images, clean)
    assert not answer.patch.any()


@every_step
def test_damage_grows_with_strength(step):
    clean = heads(64)
    errors = [
        float((damage(clean, step, strength=strength).images - clean).square().mean())
        for strength in (0, 0.25, 0.5, 0.75, 1)
    ]
    assert errors == sorted(errors)
    assert errors[-1] > 2 * errors[1] > 0


@every_step
@pytest.mark.parametrize("shape", [(64, 64), (33, 31), (112, 112)])
def test_an_item_is_the_same_in_every_batch(step, shape):
    clean = heads(9, *shape)
    whole = damage(clean, step)
    for first, count in ((0, 1), (4, 1), (3, 2), (2, 7)):
        part = damage(clean[first : first + count].clone(), step, first=first)
        assert torch.equal(part.images, whole.images[first : first + count])
        assert torch.equal(part.patch, whole.patch[first : first + count])


@every_step
@settings(deadline=None, max_examples=10)
@given(seed=st.integers(0, 10_000), height=st.integers(9, 40), width=st.integers(9, 40))
def test_images_stay_in_range_and_keep_their_shape(step, seed, height, width):
    clean = heads(3, height, width)
    before = clean.clone()
    answer = damage(clean, step, seed=seed)
    assert answer.images.shape == answer.patch.shape == clean.shape
    assert answer.images.dtype == torch.float32
    assert answer.patch.dtype == torch.bool
    assert answer.images.isfinite().all()
    assert answer.images.min() >= 0
    assert answer.images.max() <= 1
    assert torch.equal(clean, before)


@every_step
@pytest.mark.parametrize("value", [0.0, 0.5, 1.0])
def test_constant_images_are_no_trouble(step, value):
    assert damage(torch.full((4, 1, 24, 24), value), step).images.isfinite().all()


@pytest.mark.parametrize("step", ALL, ids=NAMES)
def test_what_is_random_differs_between_items_and_seeds(step):
    def parameters(seed):
        return draw(recipe(step), items(8, seed=seed), (64, 64))[0].parameters

    assert np.array_equal(parameters(0), parameters(0))
    if step["name"] not in {"rescale", "lower_resolution"}:
        assert len(np.unique(parameters(0), axis=0)) > 1
        assert not np.array_equal(parameters(0), parameters(1))


@pytest.mark.parametrize("step", ALL, ids=NAMES)
def test_only_the_share_with_the_probability_is_touched(step):
    drawn = draw(recipe(step | {"probability": 0.25}), items(2000), (32, 32))
    assert 0.2 < len(drawn[0].places) / 2000 < 0.3
    clean = heads(40, 32)
    drawn = draw(recipe(step | {"probability": 0.25}), items(40), (32, 32))
    touched = np.zeros(40, bool)
    touched[drawn[0].places] = True
    answer = corrupt(clean, drawn)
    assert torch.equal(answer.images[~touched], clean[~touched])
    assert not answer.patch[torch.from_numpy(~touched)].any()
    assert not draw(recipe(step | {"probability": 0}), items(40), (32, 32))


def test_no_gradient_and_no_low_precision_gets_in():
    clean = heads(4).requires_grad_()
    steps = [{"name": "blur"}, {"name": "gibbs"}, {"name": "motion"}, {"name": "lower_resolution"}]
    with torch.autocast("cpu", torch.bfloat16):
        low = damage(clean, *steps).images
    assert not low.requires_grad
    assert torch.equal(low, damage(clean, *steps).images)
