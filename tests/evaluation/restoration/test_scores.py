import math

import pytest
import torch

from mrigen.data.loader import Batch
from mrigen.errors import DataError
from mrigen.evaluation.restoration.scores import evaluate_restoration
from mrigen.metrics.patches import patch_psnr
from mrigen.metrics.similarity import MAX_PSNR_DB, psnr, ssim


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


def test_scores_are_means_over_slices_beside_those_of_the_input():
    metrics = evaluate_restoration(Half(), batches())
    whole = list(batches())
    damaged, target, patch = (
        torch.cat([getattr(batch, name) for batch in whole])
        for name in ("input", "target", "patch")
    )
    values = psnr(Half().reconstruct(damaged), target)
    assert metrics["slice_psnr_db"] == pytest.approx(float(values.mean()))
    assert metrics["slice_psnr_db_sd"] == pytest.approx(float(values.std()))
    assert metrics["input_slice_ssim"] == pytest.approx(float(ssim(damaged, target).mean()))
    patches = patch_psnr(damaged, target, patch)
    assert metrics["input_patch_psnr_db"] == pytest.approx(float(patches.mean()))
    assert metrics["patch_psnr_db"] > metrics["input_patch_psnr_db"]
    assert metrics["slice_count"] == metrics["patch_count"] == 5


def test_scores_do_not_depend_on_the_batches():
    (whole,) = batches((5,))
    apart = [
        Batch(*(part[i : i + 1] for part in (whole.input, whole.target, whole.patch, whole.index)))
        for i in range(5)
    ]
    assert evaluate_restoration(Half(), apart) == pytest.approx(
        evaluate_restoration(Half(), [whole])
    )


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
