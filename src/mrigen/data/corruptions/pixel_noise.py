"""Random pixels that are a function of (seed, place) alone, whatever the batch or the device.

Each pixel's number is the place-th output of the SplitMix64 generator [1]_ that starts at the
image's seed: integer arithmetic, so the same everywhere. Normal values come from a table and one
sum, for the same reason: logarithms and cosines differ in the last bit between devices and paths.

References
----------
.. [1] G. L. Steele Jr., D. Lea and C. H. Flood, "Fast splittable pseudorandom number generators",
   OOPSLA 2014, https://doi.org/10.1145/2660193.2660195
"""

from functools import lru_cache
from statistics import NormalDist

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

#: Seeds lie below this, so that they survive as float64 among an item's other numbers.
SEED_LIMIT = 2**53

_STEP, _FIRST, _SECOND = 0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB
_LEVELS = 2**16


def random_bits(seeds: npt.NDArray[np.float64], images: Tensor) -> Tensor:
    """Return 64 random bits for every pixel.

    Parameters
    ----------
    seeds : (N,) whole numbers in [0, SEED_LIMIT)
    images : (N, 1, H, W)
        Give the shape and the device.

    Returns
    -------
    (N, 1, H, W) int64
    """
    height, width = images.shape[-2:]
    place = torch.arange(1, height * width + 1, device=images.device).view(1, 1, height, width)
    # Neighbouring seeds are sent far from each other first: their streams must not overlap.
    start = torch.from_numpy(seeds.astype(np.int64)).to(images.device).view(-1, 1, 1, 1)
    return _mix(_mix(start * _signed(_STEP)) + place * _signed(_STEP))


def uniform_pixels(bits: Tensor) -> Tensor:
    """Turn random bits into float32 in [0, 1), of 2**24 levels; the lowest 40 bits are not used."""
    return _shift(bits, 40).to(torch.float32) * 2.0**-24


def normal_pixels(bits: Tensor) -> Tensor:
    """Turn the lowest 32 of random bits into standard normal float32.

    A value is the sum of two from a table of the normal quantiles of 65,536 equal shares: 2**32
    levels up to 6 standard deviations.
    """
    table = _half_normal(bits.device)
    return table[bits & (_LEVELS - 1)] + table[(bits >> 16) & (_LEVELS - 1)]


def upper_bits(bits: Tensor) -> Tensor:
    """Return the upper 32 of random bits, for a second value that the first tells nothing of."""
    return _shift(bits, 32)


@lru_cache(maxsize=8)
def _half_normal(device: torch.device) -> Tensor:
    # The variance is a half, so that two add up to a standard normal value.
    quantile = NormalDist().inv_cdf
    upper = np.array([quantile((level + 0.5) / _LEVELS) for level in range(_LEVELS // 2, _LEVELS)])
    table = np.concatenate([-upper[::-1], upper])
    table *= np.sqrt(0.5 / np.mean(table**2))
    return torch.from_numpy(table.astype(np.float32)).to(device)


def _mix(words: Tensor) -> Tensor:
    words = (words ^ _shift(words, 30)) * _signed(_FIRST)
    words = (words ^ _shift(words, 27)) * _signed(_SECOND)
    return words ^ _shift(words, 31)


def _shift(words: Tensor, places: int) -> Tensor:
    # Torch shifts signed numbers and copies the sign: the copies are cut off.
    shifted: Tensor = (words >> places) & (2 ** (64 - places) - 1)
    return shifted


def _signed(word: int) -> int:
    return word - 2**64 if word >= 2**63 else word
