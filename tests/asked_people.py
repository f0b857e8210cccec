"""Slices of people that a small sampler drew as they are, and networks that obey or do not."""

from pathlib import Path

import numpy as np
import torch

from judged_cases import case, pixels
from mrigen.data.records import ScanSlices, SliceRecord
from mrigen.data.slicing.dataset import DatasetConfig
from mrigen.data.store.slice_store import SliceStore
from mrigen.data.store.writing import write_store
from mrigen.images import to_uint8
from mrigen.models.sampling import draw_samples
from small_conditional import CONDITIONS, SmallConditional

SIZE, PEOPLE = 32, 24
POSITIONS = (-30.0, -10.0, 10.0, 30.0, 50.0)
SMALL = {"images": 24, "seeds": 4, "rows": 2, "columns": 3, "ages": [30, 50, 80]}
_SPLIT = {"train": 0.5, "validation": 0.0, "test": 0.5, "seed": 0}


class Deaf(SmallConditional):
    """Can be asked for the same, and draws what it likes."""

    def sample(self, noise, conditions=None):
        return super().sample(noise)


class Untold(SmallConditional):
    """Can be asked for a position alone."""

    conditions = CONDITIONS[1:2]


def asked_store(path: Path, **known) -> SliceStore:
    """Write what a small sampler draws of people; `known` are fields all slices are given."""
    config = DatasetConfig.model_validate({"source": "ixi", "size": SIZE, "split": _SPLIT})
    return write_store(path, (_person(number, known) for number in range(PEOPLE)), config=config)


def _person(number: int, known: dict[str, object]) -> ScanSlices:
    age, sex = 22.0 + 2.7 * (7 * number % PEOPLE), number % 2
    asked = [{"age": age, "sex": float(sex), "position_mm": place} for place in POSITIONS]
    seeds = [1000 + len(POSITIONS) * number + place for place in range(len(POSITIONS))]
    images = draw_samples(SmallConditional(SIZE).eval(), seeds, asked)
    records = [
        SliceRecord(
            **{
                "subject": f"s{number:03d}", "source": "ixi", "modality": "T1w", "plane": "axial",
                "index": index, "position_mm": place, "spacing_mm": 20.0,
                "pixel_height_mm": 2.0, "pixel_width_mm": 3.0, "brain_fraction": None,
                "label_fraction": None, "declared_split": None, "foreground_fraction": 0.4,
                "age": age, "sex": "fm"[sex], "ethnicity": None, "site": None,
                "path": f"data/{number}.nii.gz", "channel": None,
            }
            | known
        )
        for index, place in enumerate(POSITIONS)
    ]  # fmt: skip
    return ScanSlices(to_uint8(images)[:, 0], records)


def asked_case(store, network, folder, **settings):
    """The case of a network, judged by the pixels themselves."""
    extractors = {"pixels": pixels(SIZE)}
    conditions = SMALL | settings
    return case(folder, network, store=store, extractors=extractors, conditions=conditions)


def hole_mm2(age: float) -> float:
    """Return the area of the hole that the sampler draws at an age, in the pixels of the store."""
    share = np.clip((age - 20) / 70, 0, 1)
    axis = torch.linspace(-1, 1, SIZE)
    inside = (axis[:, None] ** 2 + axis**2).sqrt() <= 0.4 * share
    return float(inside.sum()) * 6.0
