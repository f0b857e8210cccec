"""How close images are to clean slices: one score per slice, and their means."""

from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from mrigen.data.loader import Batch
from mrigen.errors import DataError
from mrigen.evaluation.case import reconstruct
from mrigen.metrics.flattened import (
    SAMPLES,
    flattened_ssim,
    patch_flattened_ssim,
    patch_squared_mean_difference,
    squared_mean_difference,
)
from mrigen.metrics.patches import bounding_rectangles, patch_mse, patch_ssim
from mrigen.metrics.similarity import decibel, dissimilarity, mse, ssim
from mrigen.models.interfaces import Reconstructor

#: What slices and patches are compared by, as in the names of scores.
MEASURES = ("mse", "psnr_db", "ssim", "dssim")

#: Marks what doing nothing scores.
INPUT = "input_"

Values = npt.NDArray[np.float64]
#: Scores of slices by name, each (N,); NaN where a slice has none, such as without a patch.
Scores = Mapping[str, Values]

#: Compares images with clean slices; the third argument marks patches, (N, 1, H, W) bool.
Comparison = Callable[[Tensor, Tensor, Tensor], Scores]


def slice_scores(images: Tensor, target: Tensor) -> Scores:
    """Return every one of `MEASURES` of (N, 1, H, W) float32 images in [0, 1]."""
    return _measures(mse(images, target), ssim(images, target))


def usual_scores(images: Tensor, target: Tensor, patch: Tensor) -> Scores:
    """Return `MEASURES` as `slice_...` and, over the rectangles around patches, `patch_...`."""
    answer = {f"slice_{name}": values for name, values in slice_scores(images, target).items()}
    marked = patch.flatten(1).any(dim=1)
    chosen = images[marked], target[marked], patch[marked]
    inside = _measures(patch_mse(*chosen), patch_ssim(*chosen))
    return answer | {f"patch_{name}": _spread(v, marked) for name, v in inside.items()}


def original_scores(images: Tensor, target: Tensor, patch: Tensor) -> Scores:
    """Return Lorente's own measures, over slices and over the rectangles around patches."""
    marked = patch.flatten(1).any(dim=1)
    fits = marked.clone()
    areas = [_area(rectangle) for rectangle in bounding_rectangles(patch[marked])]
    fits[marked] = torch.tensor(areas, dtype=torch.int64) >= SAMPLES
    inside = images[marked], target[marked], patch[marked]
    large = images[fits], target[fits], patch[fits]
    return {
        "flattened_ssim": flattened_ssim(images, target).numpy(),
        "squared_mean_difference": squared_mean_difference(images, target).numpy(),
        "patch_flattened_ssim": _spread(patch_flattened_ssim(*large).numpy(), fits),
        "patch_squared_mean_difference": _spread(
            patch_squared_mean_difference(*inside).numpy(), marked
        ),
    }


def beside_input(
    compare: Comparison, restored: Tensor, *, damaged: Tensor, target: Tensor, patch: Tensor
) -> Scores:
    """Return the scores of restored images, and with `INPUT` in front those of the damaged."""
    before = compare(damaged, target, patch)
    return {**compare(restored, target, patch), **{INPUT + k: v for k, v in before.items()}}


def joined(parts: Sequence[Scores]) -> Scores:
    """Put the scores of batches behind each other."""
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def score_answers(
    network: Reconstructor, batches: Iterable[Batch], *, device: torch.device | str = "cpu"
) -> Scores:
    """Score a network's answers to damaged slices, and the damaged slices themselves.

    Parameters
    ----------
    network
        In evaluation mode on `device`.
    batches
        Inputs and clean targets; the patch of a slice without one is empty.
    device
        Where the network is.

    Raises
    ------
    DataError
        If there are no slices or the slices are too small for SSIM.
    """
    parts = []
    for batch in batches:
        restored = reconstruct(network, batch.input, device=device)
        shown = {"damaged": batch.input, "target": batch.target, "patch": batch.patch}
        usual = beside_input(usual_scores, restored, **shown)
        parts.append({**usual, **beside_input(original_scores, restored, **shown)})
    if not parts:
        raise DataError("there are no slices to restore: give the test split more subjects.")
    return joined(parts)


def evaluate_restoration(
    network: Reconstructor, batches: Iterable[Batch], *, device: torch.device | str = "cpu"
) -> dict[str, float]:
    """Compare a network's answers with the clean slices.

    Parameters
    ----------
    network
        In evaluation mode on `device`.
    batches
        Inputs and clean targets; the patch of a slice without one is empty.
    device
        Where the network is.

    Returns
    -------
    dict
        The names of `usual_scores` and `original_scores`: means over slices, each with its
        standard deviation as `..._sd`, and `slice_count` and `patch_count`. Those of patches are
        there if any slice has one. The measures again with the prefix `input_` for the input
        itself, which is what doing nothing scores, if any input differs from its target.

    Raises
    ------
    DataError
        If there are no slices or the slices are too small for SSIM.
    """
    scores = score_answers(network, batches, device=device)
    damaged = bool((scores["input_slice_mse"] > 0).any())
    metrics: dict[str, float] = {}
    for name, values in scores.items():
        known = values[~np.isnan(values)]
        if len(known) and (damaged or not name.startswith(INPUT)):
            metrics |= {name: float(known.mean()), f"{name}_sd": spread(known)}
    return metrics | counts(scores)


def spread(values: Values) -> float:
    """Return the standard deviation over slices; 0 for a single one."""
    return float(values.std(ddof=1)) if len(values) > 1 else 0.0


def counts(scores: Scores) -> dict[str, float]:
    """Return how many slices, and how many patches if any, were scored."""
    sizes = {
        f"{kind}_count": float((~np.isnan(scores[f"{kind}_mse"])).sum())
        for kind in ("slice", "patch")
    }
    return {name: size for name, size in sizes.items() if size}


def _measures(error: Tensor, likeness: Tensor) -> dict[str, Values]:
    found = (error, decibel(error), likeness, dissimilarity(likeness))
    return {name: values.numpy() for name, values in zip(MEASURES, found, strict=True)}


def _spread(values: Values, places: Tensor) -> Values:
    everywhere = np.full(len(places), np.nan)
    everywhere[places.numpy()] = values
    return everywhere


def _area(rectangle: tuple[int, int, int, int]) -> int:
    top, bottom, left, right = rectangle
    return (bottom - top) * (right - left)
