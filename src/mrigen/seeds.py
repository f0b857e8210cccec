"""Randomness as a function of named seeds, one stream per item."""

from collections.abc import Sequence
from hashlib import sha256
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import torch


def rng(*keys: int | str) -> np.random.Generator:
    """Return the generator that belongs to `keys`, the same on every machine.

    Parameters
    ----------
    *keys
        Whole numbers and words that name the stream, such as `(seed, "train", epoch, index)`.

    Examples
    --------
    >>> bool(rng(1, "a").random() == rng(1, "a").random())
    True
    """
    return np.random.default_rng(_entropy(*keys))


def torch_seed(*keys: int | str) -> int:
    """Return the seed for torch generators that belongs to `keys`.

    It has 32 bits, since torch's generator on the CPU looks at no more.
    """
    return _entropy(*keys) % 2**32


def seeded_noise(seeds: Sequence[int], shape: Sequence[int]) -> "torch.Tensor":
    """Draw standard normal noise with one generator per sample.

    Parameters
    ----------
    seeds
        One seed per sample, each in [0, 2**63).
    shape
        Shape of one sample's noise.

    Returns
    -------
    (len(seeds), *shape) float32 on the CPU. A row depends on its own seed alone, so it is the
    same whatever else is drawn beside it.
    """
    import torch

    # NumPy's generators take every bit of a seed; torch's would repeat themselves after 2**32.
    rows = [np.random.default_rng(seed).standard_normal(shape, np.float32) for seed in seeds]
    return torch.from_numpy(np.stack(rows))


def _entropy(*keys: int | str) -> int:
    text = "\x1f".join(f"{type(key).__name__}:{key}" for key in keys)
    return int.from_bytes(sha256(text.encode()).digest()[:16], "little")
