"""Slices of people whose sex, age or tumour a classifier can see, and samplers that draw them."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from mrigen.data.records import ScanSlices
from mrigen.data.slicing.dataset import DatasetConfig
from mrigen.data.splits.config import SplitConfig
from mrigen.data.store.slice_store import SliceStore
from mrigen.data.store.writing import write_store
from mrigen.evaluation.case import Case
from mrigen.evaluation.config import EvaluationConfig
from mrigen.images import from_integers
from mrigen.models.interfaces import Condition
from phantoms import disc_scans

SIZE = 16


def planted_store(path: Path, *, subjects: int = 24, slices: int = 6, **known) -> SliceStore:
    """Write noisy discs: those of men are striped, every second slice has a black square.

    The square is told as a tumour. `known` are fields that all slices are given instead.
    """
    split = SplitConfig(train=0.5, validation=0.0, test=0.5, seed=0)
    config = DatasetConfig.model_validate(
        {"source": "phantoms", "size": SIZE, "bits": 8, "split": split}
    )
    scans = disc_scans(subjects=subjects, slices=slices, size=SIZE)
    return write_store(path, [_planted(scan, known) for scan in scans], config=config)


def _planted(scan: ScanSlices, known: dict[str, object]) -> ScanSlices:
    pixels, records = scan.pixels.copy(), []
    if scan.records[0].sex == "m":
        pixels[:, :, ::4] //= 2
    for place, record in enumerate(scan.records):
        if place % 2:
            pixels[place, 5:11, 5:11] = 0
        share = {"label_fraction": 0.140625 if place % 2 else 0.0}
        records.append(replace(record, **(share | known)))
    return ScanSlices(pixels, records, grid=scan.grid)


class Replay(nn.Module):
    """A sampler that draws from slices it holds."""

    noise_shape = (1,)

    def __init__(self, images: Tensor) -> None:
        super().__init__()
        self.images = nn.Parameter(images, requires_grad=False)

    def sample(self, noise: Tensor, conditions=None) -> Tensor:
        share = torch.special.ndtr(noise[:, 0].double())
        return self.images[(share * len(self.images)).long().clamp(max=len(self.images) - 1)]


class Noise(nn.Module):
    """A sampler of uniform noise."""

    noise_shape = (1, SIZE, SIZE)

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(()), requires_grad=False)

    def sample(self, noise: Tensor, conditions=None) -> Tensor:
        return torch.special.ndtr(noise) * self.scale


class Liar(Replay):
    """A sampler that draws training slices of men if women are asked for, and of women if men."""

    conditions = (Condition("sex", 0, 1, choices=("female", "male")),)

    def __init__(self, store: SliceStore) -> None:
        rows = store.positions("train")
        super().__init__(from_integers(store.read(rows))[:, None])
        male = torch.tensor([sex == "m" for sex in store.manifest["sex"][rows]])
        self.others = [male.nonzero()[:, 0], male.logical_not().nonzero()[:, 0]]

    def sample(self, noise: Tensor, conditions=None) -> Tensor:
        shares = torch.special.ndtr(noise[:, 0].double()).tolist()
        groups = [self.others[int(sex)] for sex in conditions["sex"]]
        places = [int(s * len(group)) for s, group in zip(shares, groups, strict=True)]
        return torch.stack([self.images[g[p]] for g, p in zip(groups, places, strict=True)])


def replay_of(store: SliceStore, split: str = "train") -> Replay:
    """Return a sampler that draws the slices of a split."""
    return Replay(from_integers(store.read(store.positions(split)))[:, None])


def case_of(store: SliceStore, network: nn.Module, cache: Path, **config) -> Case:
    """Return what judges are given; `config` names values of the evaluation."""
    values = {"samples": 32, "slices": 200} | config
    return Case(
        model="tested",
        network=network.eval(),
        store=store,
        corruption=None,
        config=EvaluationConfig.model_validate(values),
        device=torch.device("cpu"),
        cache=cache,
    )


def ages(manifest) -> np.ndarray:
    """Return the age of every row."""
    return manifest["age"].to_numpy(float)
