from itertools import pairwise

import pytest
import torch

from damage import damage, heads
from mrigen.evaluation.ladder import RUNGS, Rung
from mrigen.metrics.similarity import mse, ssim

KINDS = {rung.kind for rung in RUNGS}


@pytest.fixture(scope="module")
def clean():
    return heads(4, 64)


def test_each_kind_has_one_unit_and_goes_from_mild_to_strong():
    assert {(rung.kind, rung.unit) for rung in RUNGS} == {
        ("blur", "px"),
        ("noise", "std"),
        ("lower_resolution", "factor"),
    }
    for kind in KINDS:
        levels = [rung.level for rung in RUNGS if rung.kind == kind]
        assert len(levels) >= 5
        assert levels == sorted(set(levels))


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_every_step_up_does_more_harm(clean, kind):
    degraded = [rung.degrade(clean, seed=0) for rung in RUNGS if rung.kind == kind]
    errors = [mse(images, clean) for images in degraded]
    likeness = [ssim(images, clean) for images in degraded]
    assert all(bool((mild < strong).all()) for mild, strong in pairwise(errors))
    assert all(bool((mild > strong).all()) for mild, strong in pairwise(likeness))


def test_noise_is_as_strong_as_it_says():
    grey = torch.full((2, 1, 64, 64), 0.5)
    change = Rung("noise", 0.04, "std").degrade(grey, seed=0) - grey
    assert float(change.std()) == pytest.approx(0.04, rel=0.03)


def test_blur_has_the_variance_it_says():
    point = torch.zeros(1, 1, 41, 41)
    point[..., 20, 20] = 1
    weights = Rung("blur", 2.0, "px").degrade(point, seed=0)[0, 0].sum(0)
    places = torch.arange(41) - 20
    assert float((weights * places**2).sum() / weights.sum()) ** 0.5 == pytest.approx(2, rel=0.03)


def test_lower_resolution_is_the_damage_of_that_name(clean):
    degraded = Rung("lower_resolution", 3.0, "factor").degrade(clean, seed=0)
    expected = damage(clean, {"name": "lower_resolution", "factor": 3}).images
    assert torch.equal(degraded, expected)


@pytest.mark.parametrize("rung", RUNGS, ids=str)
def test_images_stay_images_and_the_seed_decides(clean, rung):
    before = clean.clone()
    degraded = rung.degrade(clean, seed=3)
    assert torch.equal(clean, before)
    assert degraded.dtype == torch.float32
    assert bool(((degraded >= 0) & (degraded <= 1)).all())
    assert torch.equal(degraded, rung.degrade(clean, seed=3))
    assert torch.equal(degraded[:2], rung.degrade(clean[:2], seed=3))
    assert torch.equal(degraded, rung.degrade(clean, seed=4)) == (rung.kind != "noise")
