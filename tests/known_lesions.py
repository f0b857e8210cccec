"""Slices whose lesions are known, and networks of which it is known whether they find them."""

from dataclasses import replace

import numpy as np
import torch

from mrigen.data.slicing.dataset import DatasetConfig
from mrigen.data.store.writing import write_store
from mrigen.evaluation.case import Case
from mrigen.evaluation.config import EvaluationConfig
from mrigen.images import from_integers
from phantoms import disc_scans

SPLIT = {"train": 0.3, "validation": 0.2, "test": 0.5, "seed": 0}


class Healthy:
    """Answers with the slice it remembers that is most like what it is shown."""

    def __init__(self, memory):
        self.memory = memory

    def reconstruct(self, images):
        return self.memory[torch.cdist(images.flatten(1), self.memory.flatten(1)).argmin(1)]


class Identity:
    """Answers with what it is shown."""

    def reconstruct(self, images):
        return images


class Sampler:
    """Answers no images."""


def write_heads(path, *, lesions=(), subjects=12, slices=3, size=32, labels=True, modality="T1w"):
    """Write discs; a slice whose index is among `lesions` has a bright square with the label 3."""
    options = {"source": "phantoms", "size": size, "labels": labels, "split": SPLIT}
    scans = []
    for scan in disc_scans(subjects=subjects, slices=slices, size=size):
        pixels, maps = scan.pixels.copy(), np.zeros_like(scan.labels)
        records = [replace(record, modality=modality) for record in scan.records]
        for index in lesions:
            pixels[index, 14:18, 15:19], maps[index, 14:18, 15:19] = 250, 3
        scans.append(scan._replace(pixels=pixels, labels=maps, records=records))
    return write_store(path, scans, config=DatasetConfig.model_validate(options))


def memory(store):
    """All slices of a store as images."""
    return from_integers(store.read(np.arange(len(store))))[:, None]


def case(store, network, *, others=None, **anomaly):
    """The case of a network; `anomaly` is its block of the configuration."""
    settings = {"contrasts": [], "radius": [0.06, 0.12], "smoothing": 0.5, "shown": 1}
    return Case(
        model="made",
        network=network,
        store=store,
        corruption=None,
        config=EvaluationConfig.model_validate({"anomaly": settings | anomaly}),
        device=torch.device("cpu"),
        cache=store.path.parent / "cache",
        others=others or {},
    )
