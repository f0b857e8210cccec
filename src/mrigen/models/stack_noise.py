"""Noise for the slices of one head, each at its own position."""

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from mrigen.seeds import seeded_noise, torch_seed


def stack_noise(
    seed: int,
    positions_mm: Sequence[float],
    shape: Sequence[int],
    *,
    turn_mm: float | None = None,
) -> Tensor:
    """Return the noise of each slice of a stack: a function of its seed and its position alone.

    Parameters
    ----------
    seed
        Of the stack, in [0, 2**63).
    positions_mm
        Of its slices, N of them.
    shape
        Of one slice's noise.
    turn_mm
        Along this way the noise turns into another one, independent of it, on the great circle
        between the two; None gives all slices the noise of the seed.

    Returns
    -------
    (N, *shape) float32 on the CPU
        Standard normal at every position.
    """
    if turn_mm is None:
        return seeded_noise([seed], shape).expand(len(positions_mm), *shape).contiguous()
    places = np.asarray(positions_mm, np.float64) / turn_mm
    before = np.floor(places).astype(np.int64)
    knots, ends = np.unique([before, before + 1], return_inverse=True)
    ends_noise = seeded_noise([torch_seed(seed, "stack", int(knot)) for knot in knots], shape)
    first, second = ends_noise[torch.from_numpy(ends.reshape(2, -1))]
    angles = torch.from_numpy((places - before) * (math.pi / 2))
    angles = angles.float().view(-1, *[1] * len(shape))
    noise: Tensor = angles.cos() * first + angles.sin() * second
    return noise
