"""Lines and squares, and the rectangles that bound them."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from damage import damage, heads, items, recipe
from mrigen.data.corruptions.batches import corrupt, draw
from mrigen.metrics.patches import bounding_rectangles

LINE = {"name": "line_patch"}
SQUARE = {"name": "blank_squares"}


@settings(deadline=None, max_examples=60)
@given(seed=st.integers(0, 10_000), size=st.integers(8, 80))
def test_line_stays_inside_its_rectangle_and_below_the_peak(seed, size):
    clean = heads(3, size)
    answer = damage(clean, LINE, seed=seed)
    changed = answer.images != clean
    assert answer.patch.flatten(1).any(1).all()
    assert not changed[~answer.patch].any()
    assert (answer.images.amax((1, 2, 3)) <= clean.amax((1, 2, 3))).all()
    assert (answer.images >= clean).all()
    for patch, (top, bottom, left, right) in zip(
        answer.patch, bounding_rectangles(answer.patch), strict=True
    ):
        assert patch[:, top:bottom, left:right].all()


@settings(deadline=None, max_examples=30)
@given(seed=st.integers(0, 10_000))
def test_the_rectangle_is_the_smallest(seed):
    clean = torch.zeros(4, 1, 40, 40)
    clean[:, :, 0, 0] = 1  # something to cap the line's brightness at
    answer = damage(clean, LINE, seed=seed)
    for image, patch in zip(answer.images[:, 0], answer.patch[:, 0], strict=True):
        line = image > 0
        line[0, 0] = False
        for axis in (0, 1):
            assert torch.equal(
                line.any(axis).nonzero()[[0, -1]], patch.any(axis).nonzero()[[0, -1]]
            )


@pytest.mark.parametrize("seed", range(20))
def test_line_lies_around_the_centre_and_is_thin(seed):
    black = torch.zeros(1, 1, 64, 64)
    black[..., 0, 0] = 1
    line = damage(black, LINE, seed=seed).images[0, 0].numpy() > 0
    line[0, 0] = False
    rows, columns = line.nonzero()
    assert np.abs(np.stack([rows, columns]) - 31.5).max() <= 0.25 * 64 + 4 + 1
    length = np.hypot(np.ptp(rows), np.ptp(columns)) + 1
    assert line.sum() <= (length + 8) * 10


def test_a_line_too_thin_for_any_pixel_takes_one():
    step = recipe(LINE)[0]
    between = np.array([[10.5, 12.4999, 10.5, 12.4999, 0.1, 1.0]])
    answer = step.apply(torch.full((1, 1, 32, 32), 0.5), between, 1.0)
    assert answer.patch is not None
    assert 1 <= answer.patch.sum() <= 2
    assert answer.patch[0, 0, 10:12, 12].any()


def test_opacity_falls_with_strength_where_the_line_lies():
    clean = torch.zeros(8, 1, 32, 32)
    clean[..., 0, 0] = 1
    full, half = (damage(clean, LINE, strength=strength) for strength in (1, 0.5))
    assert torch.equal(full.patch, half.patch)
    assert torch.allclose(half.images[full.patch], full.images[full.patch] / 2)


def test_squares_are_those_of_the_denoising_study():
    drawn = draw(recipe(SQUARE), items(4000), (128, 128))[0].parameters.astype(int)
    top, bottom, left, right = drawn.T
    assert (top == left).all()
    assert (bottom == right).all()
    side, centre = bottom - top, (top + bottom) // 2
    assert set(side) == set(range(10, 39, 2))
    assert set(centre) == set(range(10, 100))
    # Two whole numbers give one even side, the largest too.
    for even in (10, 20, 38):
        assert abs(np.mean(side == even) - 2 / 30) < 0.012


def test_a_square_is_black_and_the_rest_untouched():
    clean = torch.full((16, 1, 128, 128), 0.7)
    answer = damage(clean, SQUARE)
    assert (answer.images[answer.patch] == 0).all()
    assert (answer.images[~answer.patch] == 0.7).all()
    assert answer.patch.any()


def test_squares_scale_with_the_image():
    large, small = (
        draw(recipe(SQUARE), items(200), (side, side))[0].parameters for side in (128, 64)
    )
    assert np.abs(small - large / 2).max() <= 0.5
    tiny = draw(recipe(SQUARE | {"size": [2, 3]}), items(50), (8, 8))[0].parameters
    assert (tiny[:, 1] > tiny[:, 0]).all()


def test_the_smallest_square_at_the_edge_stays_in_the_smallest_image():
    step = {**SQUARE, "size": [2, 2], "centre": [127, 127]}
    image = damage(torch.ones(1, 1, 16, 16), step).images[0, 0]
    assert (image == 0).nonzero().tolist() == [[15, 15]]


def test_squares_anywhere_leave_the_diagonal():
    step = SQUARE | {"place": "anywhere", "count": 3, "centre": [0, 127]}
    drawn = draw(recipe(step), items(2000), (128, 128))[0].parameters.reshape(-1, 4)
    rows, columns = drawn[:, :2].mean(1), drawn[:, 2:].mean(1)
    assert len(drawn) == 6000
    assert abs(np.corrcoef(rows, columns)[0, 1]) < 0.05
    assert rows.min() < 3
    assert rows.max() > 124


def test_patches_of_several_steps_add_up():
    clean = heads(60, 32)
    rare = [LINE | {"probability": 0.5}, SQUARE | {"probability": 0.5}]
    drawn = draw(recipe(*rare), items(60), (32, 32))
    both = sorted(set(drawn[0].places) & set(drawn[1].places))
    assert both
    answer = damage(clean, *rare)
    apart = [corrupt(clean, [each]).patch for each in drawn]
    assert torch.equal(answer.patch, apart[0] | apart[1])
    assert (answer.patch[both] != apart[1][both]).any()
