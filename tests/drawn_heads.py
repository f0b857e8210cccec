"""Heads that differ from person to person, and a generator of which it is known what it copies."""

from hashlib import sha256
from types import SimpleNamespace

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from mrigen.evaluation.case import Case
from mrigen.evaluation.config import EvaluationConfig
from mrigen.images import to_uint8
from mrigen.metrics.features import FeatureExtractor
from mrigen.models.interfaces import Condition

SIZE, SLICES = 32, 8


def head(seed: int, slices: int = SLICES) -> Tensor:
    """Draw neighbouring slices of one person, (slices, 1, SIZE, SIZE) in [0, 1]."""
    draw = np.random.default_rng(seed)
    y, x = np.mgrid[:SIZE, :SIZE] - (SIZE - 1) / 2
    angle = draw.normal(0, 0.1)
    across, down = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
    inside = (across / draw.uniform(8, 10)) ** 2 + (down / draw.uniform(10, 12)) ** 2 < 1
    places, widths = draw.uniform(-9, 9, (14, 2)), draw.uniform(1.5, 3, 14)
    heights, drifts = draw.normal(0, 0.25, 14), draw.normal(0, 0.06, 14)
    images = []
    for position in range(slices):
        spots = (heights + drifts * position)[:, None, None] * np.exp(
            -((x - places[:, :1, None]) ** 2 + (y - places[:, 1:, None]) ** 2)
            / (2 * widths[:, None, None] ** 2)
        )
        images.append(inside * (0.5 + spots.sum(0)).clip(0.1, 0.9))
    return torch.from_numpy(np.stack(images)).float()[:, None]


def heads(seeds: range) -> Tensor:
    """Draw the slices of several people."""
    return torch.cat([head(seed) for seed in seeds])


class DrawnStore:
    """What a judge reads of a slice store: training people first, then test people."""

    size = SIZE

    def __init__(self, train: int = 16, test: int = 12) -> None:
        people = [(f"p{number:02d}", "train") for number in range(train)]
        people += [(f"p{number + 50:02d}", "test") for number in range(test)]
        self.pixels = to_uint8(heads(range(train + test)))[:, 0]
        rows = [person for person in people for _ in range(SLICES)]
        self.manifest = pd.DataFrame(rows, columns=["subject", "split"])

    @property
    def fingerprint(self):
        return sha256(self.pixels.tobytes()).hexdigest()

    def positions(self, split):
        return np.flatnonzero((self.manifest["split"] == split).to_numpy())

    def read(self, rows):
        return self.pixels[rows]

    def of(self, split):
        """The slices of a split, (N, 1, SIZE, SIZE) in [0, 1]."""
        return torch.from_numpy(self.read(self.positions(split))).float()[:, None] / 255


class Handed(nn.Module):
    """A sampler that hands out given images; the case below takes them in their order."""

    noise_shape = (1,)

    def __init__(self, images: Tensor) -> None:
        super().__init__()
        self.images = nn.Parameter(images, requires_grad=False)

    def sample(self, noise: Tensor, conditions=None) -> Tensor:
        return self.images[: len(noise)]


class HandedQuickly(Handed):
    """One that hands out other images in its quick mode."""

    def __init__(self, images: Tensor, quick: Tensor) -> None:
        super().__init__(images)
        self.quick = nn.Parameter(quick, requires_grad=False)

    def sample_quickly(self, noise: Tensor, conditions=None) -> Tensor:
        return self.quick[: len(noise)]


class HandedInStacks(Handed):
    """One that hands out other images as slices of a stack, if it has any."""

    conditions = (Condition("position_mm", 0, 60, "mm"),)

    def __init__(self, images: Tensor, stacks: Tensor | None = None) -> None:
        super().__init__(images)
        self.stacks = stacks

    def for_stacks(self) -> Handed:
        return self if self.stacks is None else Handed(self.stacks)


class DrawnCase(Case):
    """A case whose features are coarse pixels, and whose sampler's images are given."""

    @property
    def extractors(self):
        coarse = FeatureExtractor("coarse", _Flat(), 64, 1, 8, (0.0, 1.0), digest="coarse")
        return {"coarse": coarse}

    def generated(self, count: int) -> Tensor:
        images = self.network.quick if self.quick else self.network.images
        return torch.from_numpy(to_uint8(images[:count])).float() / 255


class _Flat(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(()), requires_grad=False)

    def forward(self, images: Tensor) -> Tensor:
        return images.flatten(1) * self.scale


def drawn_case(store, images: Tensor, cache, *, network=None, **config) -> Case:
    """Return a case whose generator hands out `images`."""
    return DrawnCase(
        model="tested",
        network=Handed(images) if network is None else network,
        store=store,
        corruption=None,
        config=EvaluationConfig.model_validate({"samples": max(2, len(images))} | config),
        device=torch.device("cpu"),
        cache=cache,
        raw=SimpleNamespace(),
    )
