import math

import numpy as np
import pytest
import torch

from mrigen.data.loader import Batch
from mrigen.errors import DataError
from mrigen.evaluation.restoration.scores import (
    beside_input,
    evaluate_restoration,
    original_scores,
    score_answers,
    usual_scores,
)
from mrigen.metrics.flattened import flattened_ssim, patch_squared_mean_difference
from mrigen.metrics.patches import patch_dssim, patch_psnr, patch_ssim
from mrigen.metrics.similarity import MAX_PSNR_DB, dssim, mse, psnr, ssim


class Half:
    """Undoes half of any damage of the batches below, which is a plain addition."""

    def reconstruct(self, images):
        return images - 0.1 * (images > 0.7)


class Copy:
    def reconstruct(self, images):
        return images


def batches(sizes=(3, 2), *, damage=0.2, patched=True):
    generator = torch.Generator().manual_seed(0)
    start = 0
    for size in sizes:
        target = torch.rand(size, 1, 16, 16, generator=generator) * 0.7
        patch = torch.zeros_like(target, dtype=torch.bool)
        patch[:, :, 4:9, 5:11] = patched
        damaged = torch.where(patch, 0.7 + damage, target) if damage else target.clone()
        yield Batch(damaged, target, patch, torch.arange(start, start + size))
        start += size


def whole():
    parts = list(batches())
    return tuple(
        torch.cat([getattr(part, name) for part in parts]) for name in ("input", "target", "patch")
    )


def test_scores_of_slices_and_patches_are_those_of_the_measures():
    damaged, target, patch = whole()
    scores = usual_scores(damaged, target, patch)
    for name, measure in {"mse": mse, "psnr_db": psnr, "ssim": ssim, "dssim": dssim}.items():
        assert scores[f"slice_{name}"] == pytest.approx(measure(damaged, target).numpy())
    for name, measure in {"psnr_db": patch_psnr, "ssim": patch_ssim, "dssim": patch_dssim}.items():
        assert scores[f"patch_{name}"] == pytest.approx(measure(damaged, target, patch).numpy())


def test_a_slice_without_a_patch_has_no_score_of_one():
    damaged, target, patch = whole()
    patch[1] = False
    scores = usual_scores(damaged, target, patch)
    assert np.flatnonzero(np.isnan(scores["patch_ssim"])).tolist() == [1]
    assert not np.isnan(scores["slice_ssim"]).any()
    assert scores["patch_mse"][2] == usual_scores(damaged, target, whole()[2])["patch_mse"][2]


def test_patches_below_seven_pixels_have_no_flattened_ssim_but_a_mean_difference():
    damaged, target, patch = whole()
    patch[0] = False
    patch[0, 0, 4, 4:10] = True
    scores = original_scores(damaged, target, patch)
    assert np.flatnonzero(np.isnan(scores["patch_flattened_ssim"])).tolist() == [0]
    expected = patch_squared_mean_difference(damaged, target, patch).numpy()
    assert scores["patch_squared_mean_difference"] == pytest.approx(expected)
    assert scores["flattened_ssim"] == pytest.approx(flattened_ssim(damaged, target).numpy())


def test_what_doing_nothing_scores_stands_beside_it():
    damaged, target, patch = whole()
    restored = Half().reconstruct(damaged)
    both = beside_input(usual_scores, restored, damaged=damaged, target=target, patch=patch)
    np.testing.assert_array_equal(both["slice_mse"], mse(restored, target).numpy())
    np.testing.assert_array_equal(both["input_slice_mse"], mse(damaged, target).numpy())


def test_scores_are_means_over_slices_beside_those_of_the_input():
    metrics = evaluate_restoration(Half(), batches())
    damaged, target, patch = whole()
    values = psnr(Half().reconstruct(damaged), target)
    assert metrics["slice_psnr_db"] == pytest.approx(float(values.mean()))
    assert metrics["slice_psnr_db_sd"] == pytest.approx(float(values.std()))
    assert metrics["input_slice_ssim"] == pytest.approx(float(ssim(damaged, target).mean()))
    patches = patch_psnr(damaged, target, patch)
    assert metrics["input_patch_psnr_db"] == pytest.approx(float(patches.mean()))
    assert metrics["patch_psnr_db"] > metrics["input_patch_psnr_db"]
    assert metrics["slice_count"] == metrics["patch_count"] == 5


def test_scores_do_not_depend_on_the_batches():
    (together,) = batches((5,))
    parts = together.input, together.target, together.patch, together.index
    apart = [Batch(*(part[i : i + 1] for part in parts)) for i in range(5)]
    first, second = (score_answers(Half(), each) for each in ([together], apart))
    assert first.keys() == second.keys()
    for name, values in first.items():
        assert values == pytest.approx(second[name], rel=1e-12, nan_ok=True)


def test_clean_inputs_have_no_baseline_and_no_patch():
    metrics = evaluate_restoration(Copy(), batches(damage=0, patched=False))
    assert not any(name.startswith(("input_", "patch_")) for name in metrics)
    assert metrics["slice_psnr_db"] == MAX_PSNR_DB
    assert metrics["slice_ssim"] == pytest.approx(1)
    assert all(math.isfinite(value) for value in metrics.values())


def test_one_slice_has_no_spread():
    assert evaluate_restoration(Half(), batches((1,)))["slice_mse_sd"] == 0


def test_no_slices_are_refused():
    with pytest.raises(DataError, match="no slices to restore"):
        evaluate_restoration(Half(), [])
