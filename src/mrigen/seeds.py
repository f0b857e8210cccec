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
    """Return the 63-bit seed for torch generators that belongs to `keys`."""
    return _entropy(*keys) % 2**63


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

    noise = torch.empty((len(seeds), *shape))
    generator = torch.Generator()
    for row, seed in zip(noise, seeds, strict=True):
        generator.manual_seed(seed)
        row.normal_(generator=generator)
    return noise


def _entropy(*keys: int | str) -> int:
    text = "\x1f".join(f"{type(key).__name__}:{key}" for key in keys)
    return int.from_bytes(sha256(text.encode()).digest()[:16], "little")
