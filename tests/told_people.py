"""Slices of people of whom something is not known, and a network that shows what it is told."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor, nn

from mrigen.data.records import ScanSlices
from mrigen.data.slicing.dataset import DatasetConfig
from mrigen.data.splits.config import SplitConfig
from mrigen.data.store.slice_store import SliceStore
from mrigen.data.store.writing import write_store
from mrigen.models.interfaces import Condition
from phantoms import disc_scans

CONDITIONS = (
    Condition("position_mm", 0, 50, "mm"),
    Condition("age", 20, 90, "years"),
    Condition("sex", 0, 1, choices=("female", "male")),
    Condition("modality", 0, 1, choices=("T2w", "T1w")),
)
NAMES = tuple(condition.name for condition in CONDITIONS)


def people_store(path: Path, *, subjects: int = 12, size: int = 16, **known) -> SliceStore:
    """Write slices of people: of every third the age is not known, of every fourth the sex.

    `known` are fields that all slices are given instead.
    """
    split = SplitConfig(train=0.5, validation=0.25, test=0.25, seed=0)
    config = DatasetConfig.model_validate({"source": "phantoms", "size": size, "split": split})
    scans = disc_scans(subjects=subjects, slices=4, size=size)
    forgotten = [_forgotten(number, scan, known) for number, scan in enumerate(scans)]
    return write_store(path, forgotten, config=config)


def _forgotten(number: int, scan: ScanSlices, known: dict[str, object]) -> ScanSlices:
    unknown = ({} if number % 3 else {"age": None}) | ({} if number % 4 else {"sex": None})
    records = [replace(record, **(unknown | known)) for record in scan.records]
    return ScanSlices(scan.pixels, records, grid=scan.grid)


class Told(nn.Module):
    """Draws a row of pixels for each condition, as bright as its value; black is not known."""

    noise_shape = (1,)
    conditions = CONDITIONS

    def __init__(self, size: int = 16) -> None:
        super().__init__()
        self.size = size
        self.scale = nn.Parameter(torch.ones(()), requires_grad=False)

    def sample(self, noise: Tensor, conditions: Mapping[str, Tensor] | None = None) -> Tensor:
        assert conditions is not None
        images = noise.new_zeros(len(noise), 1, self.size, self.size)
        for row, name in enumerate(NAMES):
            images[:, 0, row] = ((conditions[name] + 1) / 100).nan_to_num(0)[:, None]
        return images * self.scale


def shown(images: Tensor) -> list[dict[str, float]]:
    """Read off pictures of `Told`, also of eight bits, what it was told: whole numbers."""
    values = (images[:, 0, : len(NAMES), 0] * 100).round().int().tolist()
    return [
        {name: value - 1 for name, value in zip(NAMES, row, strict=True) if value} for row in values
    ]
