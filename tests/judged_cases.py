"""Small slices on disk and the case of a generator of them, judged by cheap features."""

import numpy as np
import torch
from torch import nn

from mrigen.data.records import ScanSlices, SliceRecord
from mrigen.data.slicing.dataset import DatasetConfig
from mrigen.data.store.slice_store import SliceStore
from mrigen.data.store.writing import write_store
from mrigen.evaluation.case import Case
from mrigen.evaluation.config import EvaluationConfig
from mrigen.metrics.features import FeatureExtractor

SIZE = 16
SPLIT = {"train": 0.5, "validation": 0.1, "test": 0.4, "seed": 0}


class Flatten(nn.Module):
    """Features that are the pixels themselves, standing in for the slow network."""

    def __init__(self):
        super().__init__()
        self.anchor = nn.Parameter(torch.zeros(()))
        self.seen = 0

    def forward(self, images):
        self.seen += len(images)
        return images.flatten(1)


def pixels(size=SIZE, digest="pixels"):
    """An extractor of the pixels; `network.seen` counts the images it was shown."""
    return FeatureExtractor(
        "pixels", Flatten(), features=size**2, channels=1, size=size, value_range=(0.0, 1.0),
        digest=digest,
    )  # fmt: skip


def heads(seeds, *, position=0.0):
    """One disc each, (len(seeds), 1, SIZE, SIZE); the higher the position, the smaller."""
    rows, columns = np.mgrid[:SIZE, :SIZE] - (SIZE - 1) / 2
    images = []
    for seed in seeds:
        stream = np.random.default_rng(seed)
        down, along = stream.normal(0, 0.4, 2)
        radius = 6.5 - position / 10 + stream.normal(0, 0.2)
        disc = np.hypot(rows - down, columns - along) < radius
        images.append(disc * stream.uniform(0.5, 0.7) + 0.05 * stream.random((SIZE, SIZE)))
    return torch.from_numpy(np.stack(images)).float()[:, None]


class Replay(nn.Module):
    """Hands out given images, image `i` for the noise `i`."""

    noise_shape = (1,)

    def __init__(self, images):
        super().__init__()
        self.images = nn.Parameter(images, requires_grad=False)
        self.drawn = 0

    def sample(self, noise, conditions=None):
        start, self.drawn = self.drawn, self.drawn + len(noise)
        return self.images[[i % len(self.images) for i in range(start, self.drawn)]]


def write_slices(path, *, subjects=10, slices=6, positions=True):
    """Write a store of discs."""

    def scan(number):
        places = np.linspace(0, 30, slices)
        drawn = [heads([97 * number + i], position=place) for i, place in enumerate(places)]
        values = (torch.cat(drawn)[:, 0].numpy() * 255).round().astype(np.uint8)
        records = [
            SliceRecord(
                subject=f"s{number:03d}", source="ixi", modality="T1w", plane="axial", index=index,
                position_mm=float(place) if positions else None, spacing_mm=1.0,
                pixel_height_mm=4.0, pixel_width_mm=4.0, brain_fraction=None, label_fraction=None,
                declared_split=None, foreground_fraction=0.4, age=20.0 + number, sex="f",
                ethnicity=None, site=None, path=f"data/{number}.nii.gz", channel=None,
            )
            for index, place in enumerate(places)
        ]  # fmt: skip
        return ScanSlices(values, records)

    config = DatasetConfig.model_validate({"source": "ixi", "size": SIZE, "split": SPLIT})
    return write_store(path, map(scan, range(subjects)), config=config)


def case(folder, network, *, store=None, extractors=None, **evaluation):
    """The case of a network, its slices and its cache below a folder."""
    made = Case(
        model="made",
        network=network,
        store=store or open_store(folder),
        corruption=None,
        config=EvaluationConfig.model_validate({"samples": 24, "sheet_images": 4} | evaluation),
        device=torch.device("cpu"),
        cache=folder / "cache",
    )
    # In place of the ones that the configuration names, which take seconds.
    made.__dict__["extractors"] = extractors or {"pixels": pixels()}
    return made


def open_store(folder, **options):
    """The store below a folder, written when it is not there."""
    if not (folder / "heads").exists():
        write_slices(folder / "heads", **options)
    return SliceStore(folder / "heads")
