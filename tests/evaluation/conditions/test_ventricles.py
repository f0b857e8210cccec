from dataclasses import replace

import numpy as np
import pytest

from mrigen.data.demo import head as demo
from mrigen.data.demo.shape import Traits
from mrigen.evaluation.conditions.ventricles import (
    WINDOW_MM,
    find_window,
    graininess,
    ventricle_areas,
    ventricle_mask,
)

COARSE = {"spacing_mm": 3.75, "shape": (64, 64, 90)}
AGES = (22, 33, 44, 55, 66, 77, 85)


def ellipse(half, centre=(0, 0), size=64):
    rows, columns = np.mgrid[:size, :size] - (size - 1) / 2
    return ((rows - centre[0]) / half[0]) ** 2 + ((columns - centre[1]) / half[1]) ** 2 < 1


def head(*fluids, size=64):
    """Brain in fluid in bone, with fluid where it is asked for."""
    image = np.where(ellipse((29, 23), size=size), 0.5, 0.02)
    image[ellipse((27, 21), size=size)] = 0.1
    image[ellipse((25, 19), size=size)] = 0.7
    for fluid in fluids:
        image[fluid] = 0.15
    return image


def test_ventricles_are_what_is_dark_in_the_middle():
    left, right = ellipse((6, 2), (0, -4)), ellipse((6, 2), (0, 4))
    assert (ventricle_mask(head(left, right)) == left | right).all()
    assert ventricle_areas(np.stack([head(left)]), 14.0) == [14.0 * left.sum()]


def test_ventricles_that_reach_over_the_border_end_there():
    large = ellipse((12, 4), (-8, 0))  # the middle ends 17 pixels from the centre
    found = ventricle_mask(head(large))
    assert 0.9 * large.sum() < found.sum() < large.sum()
    assert not (found & ~large).any()


def test_fluid_that_reaches_out_or_lies_aside_is_none():
    cleft, aside = ellipse((12, 1.2), (-16, 0)), ellipse((2, 2), (0, 12))
    assert not ventricle_mask(head(cleft, aside)).any()


@pytest.mark.parametrize("shade", [0.4, 1.3])
def test_brightness_does_not_matter(shade):
    image = head(ellipse((6, 2), (0, 4)))
    assert (ventricle_mask(shade * image) == ventricle_mask(image)).all()


def test_without_a_head_there_are_no_ventricles():
    for image in (np.zeros((32, 32)), np.eye(32)):
        assert not ventricle_mask(image).any()
        assert graininess(image[None]) == [0]


def test_the_planted_growth_of_ventricles_is_found_in_heads_of_the_demo(monkeypatch):
    sites = {site: replace(scanner, **COARSE) for site, scanner in demo.SCANNERS.items()}
    monkeypatch.setattr(demo, "SCANNERS", sites)
    planted, measured = [], []
    for number, age in enumerate(AGES):
        site = list(sites)[number % len(sites)]
        made = demo.draw_head(Traits(age, "fm"[number % 2]), site, seed=0, subject=number)
        planted.append(made.ventricle_ml)
        # Levels, front on top, between 12 and 36 mm above the anterior commissure's.
        levels = [round((98 - height) / 3.75) for height in range(0, 28, 4)]
        slices = np.stack([made.array[:, -1 - level] / 255 for level in levels])
        measured.append(ventricle_areas(slices, 3.75 * demo.SLICE_MM).mean())
    assert np.corrcoef(planted, measured)[0, 1] > 0.9
    assert np.corrcoef(AGES, measured)[0, 1] > 0.8


def test_noise_makes_slices_grainy():
    noise = np.random.default_rng(0).normal(0, 0.15, (64, 64))
    image = head(ellipse((6, 2), (0, 4)))
    clean, noisy = graininess(np.stack([image, (image + noise).clip(0, 1)]))
    assert noisy > 4 * clean


def test_the_window_is_where_ventricles_are_largest():
    positions = np.tile(np.arange(0, 80, 2.0), 3)
    areas = np.exp(-(((positions - 50) / 12) ** 2))
    assert find_window(positions, areas) == (50 - WINDOW_MM / 2, 50 + WINDOW_MM / 2)
    assert find_window(np.array([3.0, 5.0]), np.array([1.0, 2.0])) == (3.0, 5.0)
