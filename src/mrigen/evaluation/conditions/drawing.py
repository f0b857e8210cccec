"""Drawing what a network is asked for."""

from collections.abc import Sequence

import torch
from torch import Tensor

from mrigen.errors import DataError
from mrigen.evaluation.case import Case
from mrigen.evaluation.conditions.questions import Asked
from mrigen.images import from_integers, to_uint8
from mrigen.models.sampling import draw_samples

_DRAW = 64  # a multiple of what the sampler draws at once


def draw(case: Case, seeds: Sequence[int], asked: Sequence[Asked]) -> Tensor:
    """Draw one image per question.

    Parameters
    ----------
    case
        Of a sampler.
    seeds, asked
        One of each per image.

    Returns
    -------
    (len(seeds), 1, H, W) float32 in [0, 1] on the CPU, rounded to the 8 bits in which images are
    handed out

    Raises
    ------
    DataError
        If the network draws no images.
    """
    if case.sampler is None:
        raise DataError(f"model '{case.model}' draws no images: expected a sampler.")
    parts = []
    for start in range(0, len(seeds), _DRAW):
        part = slice(start, start + _DRAW)
        parts.append(draw_samples(case.sampler, seeds[part], asked[part]))
    return from_integers(to_uint8(torch.cat(parts)))
