"""How well a network restores slices: MSE, PSNR and SSIM beside those of its input."""

from collections import defaultdict
from collections.abc import Iterable

import torch
from torch import Tensor

from mrigen.data.loader import Batch
from mrigen.errors import DataError
from mrigen.evaluation.case import reconstruct
from mrigen.metrics.patches import patch_mse, patch_psnr, patch_ssim
from mrigen.metrics.similarity import mse, psnr, ssim
from mrigen.models.interfaces import Reconstructor

_SLICE_MEASURES = {"slice_mse": mse, "slice_psnr_db": psnr, "slice_ssim": ssim}
_PATCH_MEASURES = {"patch_mse": patch_mse, "patch_psnr_db": patch_psnr, "patch_ssim": patch_ssim}


def evaluate_restoration(
    network: Reconstructor, batches: Iterable[Batch], *, device: torch.device | str = "cpu"
) -> dict[str, float]:
    """Compare a network's answers with the clean slices.

    Parameters
    ----------
    network
        In evaluation mode on `device`.
    batches
        Inputs and clean targets; the patch rectangle of a slice without a patch is empty.
    device
        Where the network is.

    Returns
    -------
    dict
        `slice_mse`, `slice_psnr_db` and `slice_ssim`: means over slices, each with its standard
        deviation as `..._sd`, and `slice_count`. The same for `patch_...`, over the rectangles
        around patches, if there are any. The measures again with the prefix `input_` for the
        input itself, which is what doing nothing scores, if any input differs from its target.

    Raises
    ------
    DataError
        If there are no slices or the slices are too small for SSIM.
    """
    scores: dict[str, list[Tensor]] = defaultdict(list)
    damaged = False
    for batch in batches:
        restored = reconstruct(network, batch.input, device=device)
        _collect(scores, "", restored, batch)
        _collect(scores, "input_", batch.input, batch)
        damaged = damaged or not torch.equal(batch.input, batch.target)
    if not scores:
        raise DataError("there are no slices to restore: give the test split more subjects.")
    metrics: dict[str, float] = {}
    for name, parts in scores.items():
        if damaged or not name.startswith("input_"):
            metrics |= _summary(name, torch.cat(parts))
    for kind in ("slice", "patch"):
        if f"{kind}_mse" in scores:
            metrics[f"{kind}_count"] = float(sum(map(len, scores[f"{kind}_mse"])))
    return metrics


def _collect(scores: dict[str, list[Tensor]], prefix: str, images: Tensor, batch: Batch) -> None:
    for name, measure in _SLICE_MEASURES.items():
        scores[prefix + name].append(measure(images, batch.target))
    with_patch = batch.patch.flatten(1).any(dim=1)
    if bool(with_patch.any()):
        chosen = images[with_patch], batch.target[with_patch], batch.patch[with_patch]
        for name, patch_measure in _PATCH_MEASURES.items():
            scores[prefix + name].append(patch_measure(*chosen))


def _summary(name: str, values: Tensor) -> dict[str, float]:
    spread = float(values.std()) if len(values) > 1 else 0.0
    return {name: float(values.mean()), f"{name}_sd": spread}
