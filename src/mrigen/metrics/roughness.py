"""How rough a stack of slices is along its axis."""

from typing import NamedTuple

import torch
from torch import Tensor

from mrigen.errors import DataError

#: Grey value from which a place counts as the head, on the mean of the slices that are compared.
HEAD = 0.1

#: The fewest slices of a stack.
MIN_SLICES = 3


class Roughness(NamedTuple):
    """Mean absolute differences along a stack, inside the head.

    Attributes
    ----------
    first_difference
        Between a slice and the next: anatomy that changes, and whatever jumps.
    second_difference
        Between twice a slice and the sum of its two neighbours: 0 where grey values change
        evenly, so that fine detail, jumps and noise are left.
    """

    first_difference: float
    second_difference: float


def roughness(stack: Tensor) -> Roughness:
    """Measure the roughness of a stack along its axis.

    Parameters
    ----------
    stack : (N, 1, H, W) float32 in [0, 1]
        At least `MIN_SLICES` neighbouring slices at even distances, in their order.

    Returns
    -------
    Roughness
        Both from 0: no slice differs from the next.

    Raises
    ------
    DataError
        If there are too few slices, or none of them shows a head.

    Notes
    -----
    Both grow with the distance between slices: compare stacks of one spacing. A place belongs to
    the head where the mean of the two or three slices is at least `HEAD`.

    Examples
    --------
    >>> ramp = torch.linspace(0.2, 0.8, 4).view(4, 1, 1, 1)
    >>> first, second = roughness(ramp)
    >>> round(first, 4), round(second, 4)
    (0.2, 0.0)
    """
    if stack.ndim != 4 or len(stack) < MIN_SLICES:
        raise DataError(
            f"a stack of shape {tuple(stack.shape)} has no roughness: expected (slices, 1, height, "
            f"width) with at least {MIN_SLICES} slices."
        )
    before, between, after = stack[:-2], stack[1:-1], stack[2:]
    first = _inside((stack[1:] - stack[:-1]).abs(), (stack[1:] + stack[:-1]) / 2)
    second = _inside((before - 2 * between + after).abs(), (before + between + after) / 3)
    return Roughness(first, second)


def _inside(differences: Tensor, means: Tensor) -> float:
    head = means >= HEAD
    if not head.any():
        raise DataError(
            f"a stack without a grey value of {HEAD:g} has no roughness: expected slices of a head."
        )
    return float(differences[head].mean(dtype=torch.float64))
