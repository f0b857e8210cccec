"""How well maps of what is unusual find lesions, pixel by pixel and slice by slice."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from mrigen.evaluation.anomaly.slices import KnownSlices
from mrigen.metrics.detection import count_levels, precision_recall
from mrigen.metrics.detection_intervals import Detection, detect
from mrigen.metrics.intervals import Interval

#: Share of a slice's pixels whose mean is the score of the slice.
TOP = 0.01


class Scores(NamedTuple):
    """How well a method finds lesions.

    Attributes
    ----------
    pixels
        Over the pixels of the heads of all slices with a lesion.
    slices
        AUROC of slices with a lesion against those without; None where there are not both.
    curve
        Recall and precision of pixels at thresholds from high to low.
    """

    pixels: Detection
    slices: Interval | None
    curve: tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]


def score_maps(maps: Tensor, known: KnownSlices, *, seed: int) -> Scores | None:
    """Measure how well maps find lesions.

    Parameters
    ----------
    maps : (N, 1, H, W) float32
        Higher is more unusual.
    known
        The slices they are of.
    seed
        Of the intervals over subjects.

    Returns
    -------
    Scores or None
        None where no slice has a lesion, or no pixel of a head is healthy.

    Notes
    -----
    Air is left out: nearly every method finds it normal, and with it any AUROC comes close to 1.
    Slices without a lesion are left out of the pixels: their share, not the method, would decide
    the average precision.
    """
    diseased = known.diseased
    _, people = np.unique(known.subjects.astype(str), return_inverse=True)
    owners = torch.from_numpy(people)
    heads = known.heads[diseased]
    values, marked = maps[diseased][heads].numpy(), known.lesions[diseased][heads].numpy()
    subjects = owners[diseased][:, None, None, None].expand_as(heads)[heads].numpy()
    pixels = detect(values, marked, subjects, seed=seed)
    curve = precision_recall(count_levels(values, marked))
    if pixels is None or curve is None:
        return None
    slices = detect(slice_scores(maps, known.heads).numpy(), diseased.numpy(), people, seed=seed)
    return Scores(pixels, None if slices is None else slices.auroc, curve)


def slice_scores(maps: Tensor, heads: Tensor) -> Tensor:
    """Return how unusual each slice is: the mean of its most unusual pixels.

    Parameters
    ----------
    maps : (N, 1, H, W) float32
    heads : (N, 1, H, W) bool
        The pixels that count, at least one of each slice.

    Returns
    -------
    (N,) float64

    Notes
    -----
    The mean of as many pixels as are `TOP` of a picture. The mean over a whole slice would hide a
    small lesion, and the maximum is one pixel's chance.
    """
    count = max(1, round(TOP * maps[0].numel()))
    inside = torch.where(heads, maps.double(), -torch.inf).flatten(1)
    highest = inside.topk(count, dim=1).values
    there = highest.isfinite()
    return torch.where(there, highest, 0).sum(1) / there.sum(1)
