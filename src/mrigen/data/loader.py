"""Batches of slices whose order is a function of (seed, step)."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from mrigen.data.augmentation import (
    Augmentation,
    AugmentationConfig,
    augment,
    draw_augmentation,
)
from mrigen.data.corruptions.batches import Drawn, Item, corrupt, draw
from mrigen.data.corruptions.recipe import Recipe
from mrigen.data.corruptions.step import to_device
from mrigen.data.covariates import Covariate, read_covariates
from mrigen.data.order import Draw, StepSampler
from mrigen.data.resident import Residence, ResidentSlices, resident_slices
from mrigen.data.store.slice_store import SliceStore
from mrigen.errors import DataError
from mrigen.images import from_integers
from mrigen.seeds import torch_seed

TRAIN, VALIDATION, TEST = "train", "validation", "test"

_CPU = torch.device("cpu")


@dataclass(frozen=True)
class Batch:
    """What an objective sees; images are (N, 1, H, W) float32 in [0, 1].

    Attributes
    ----------
    input
        What the network is given: the slice, or the slice after corruption.
    target
        The clean slice.
    patch : (N, 1, H, W) bool
        The rectangle around an inserted patch; all false without one.
    index : (N,) int64
        Rows of the manifest.
    augmentation : (N, K) float32 or None
        How each slice was moved and brightened before anything else, zeros for not at all; None
        if slices come as they are.
    conditions
        What is known of each slice, (N,) float32 by name, NaN where nothing is; None if the
        network takes no conditions.
    """

    input: Tensor
    target: Tensor
    patch: Tensor
    index: Tensor
    augmentation: Tensor | None = None
    conditions: Mapping[str, Tensor] | None = None

    def to(self, device: torch.device) -> "Batch":
        """Copy to a device."""
        label = self.augmentation
        return Batch(
            self.input.to(device, non_blocking=True),
            self.target.to(device, non_blocking=True),
            self.patch.to(device, non_blocking=True),
            self.index.to(device, non_blocking=True),
            None if label is None else label.to(device, non_blocking=True),
            _moved(self.conditions, device),
        )


@dataclass(frozen=True)
class CleanBatch:
    """What is read from a store, and what is drawn for it but not done yet.

    Attributes
    ----------
    pixels : (N, 1, H, W) float32 in [0, 1], or (N,) int64
        The slices, or their places in the split where they lie on the device.
    index : (N,) int64
        Rows of the manifest.
    drawn
        One entry per step of damage; none leaves the slices clean.
    augmentation
        How slices are moved and brightened before; None for not at all.
    conditions
        What is known of each slice, as in `Batch`.
    """

    pixels: Tensor
    index: Tensor
    drawn: tuple[Drawn, ...]
    augmentation: Augmentation | None = None
    conditions: Mapping[str, Tensor] | None = None

    def pin_memory(self) -> "CleanBatch":
        """Copy to memory that a GPU reads without waiting; PyTorch's loader calls this."""
        told = self.conditions
        return replace(
            self,
            pixels=self.pixels.pin_memory(),
            index=self.index.pin_memory(),
            conditions=told and {name: values.pin_memory() for name, values in told.items()},
        )

    def finished(self, device: torch.device, resident: ResidentSlices | None = None) -> Batch:
        """Copy to a device, and augment and damage there, the whole batch at once."""
        if resident is None:
            target = self.pixels.to(device, non_blocking=True)
        else:
            target = resident.read(self.pixels)
        label = None
        if self.augmentation is not None:
            target = augment(target, self.augmentation)
            if self.augmentation.config.labelled:
                label = to_device(self.augmentation.labels, target)
        images, patch = corrupt(target, self.drawn)
        index = self.index.to(device, non_blocking=True)
        return Batch(images, target, patch, index, label, _moved(self.conditions, device))


class SliceDataset(Dataset[CleanBatch]):
    """The slices of one split, with the damage that a model learns to undo.

    Parameters
    ----------
    store
        Where the slices lie.
    split
        "train", "validation" or "test".
    corruption
        Damage to draw for the input; None leaves it clean.
    seed
        With the split, the pass and the row it decides the damage.
    augmentation
        How slices are moved and brightened before; None leaves them as they are.
    covariates
        What is read of each slice for a network that is told of it.
    reads
        False hands out places in the split in place of pixels.

    Raises
    ------
    DataError
        If the split has no slices, or no manifest holds a covariate.
    """

    def __init__(
        self,
        store: SliceStore,
        split: str,
        *,
        corruption: Recipe | None,
        seed: int,
        augmentation: AugmentationConfig | None = None,
        covariates: Sequence[Covariate] = (),
        reads: bool = True,
    ) -> None:
        self.store = store
        self.split = split
        self.positions: npt.NDArray[np.int64] = store.positions(split)
        self.corruption, self.augmentation = corruption, augmentation
        self.covariates = tuple(covariates)
        self.seed, self.reads = seed, reads
        self._known = read_covariates(store.manifest, self.covariates)
        if not len(self.positions):
            raise DataError(
                f"dataset '{store.path.name}' has no slices in its {split} split: "
                "give that split a larger share of the subjects."
            )

    def __len__(self) -> int:
        return len(self.positions)

    def __getitems__(self, draws: list[Draw]) -> CleanBatch:
        """Read a batch at once; PyTorch calls this in place of one read per item."""
        items = np.array([each.item for each in draws])
        rows = self.positions[items]
        met = [
            Item(self.seed, self.split, each.epoch, int(row))
            for each, row in zip(draws, rows, strict=True)
        ]
        drawn: tuple[Drawn, ...] = ()
        if self.corruption is not None:
            drawn = draw(self.corruption, met, (self.store.size, self.store.size))
        moves = draw_augmentation(self.augmentation, met) if self.augmentation else None
        if self.reads:
            pixels = from_integers(self.store.read(rows))[:, None]
        else:
            pixels = torch.from_numpy(items)
        told = {name: torch.from_numpy(values[rows]) for name, values in self._known.items()}
        return CleanBatch(pixels, torch.from_numpy(rows), drawn, moves, told or None)

    def unread(self) -> "SliceDataset":
        """Return the same slices as places in the split, for pixels that lie on the device."""
        return SliceDataset(
            self.store,
            self.split,
            corruption=self.corruption,
            seed=self.seed,
            augmentation=self.augmentation,
            covariates=self.covariates,
            reads=False,
        )

    def __getitem__(self, draw: Draw) -> CleanBatch:
        """Read a batch of one."""
        return self.__getitems__([draw])


def training_batches(
    dataset: SliceDataset,
    *,
    batch_size: int,
    start_step: int = 0,
    device: torch.device = _CPU,
    workers: int = 0,
    resident: Residence = "off",
) -> Iterator[Batch]:
    """Yield the endless stream of training batches from `start_step` on.

    `workers` processes read slices and draw what is done to them; it is done on `device`, so the
    numbers do not depend on how many there are. Nor do they depend on `resident`: whether all
    slices are brought to the device before the first batch.
    """
    slices = resident_slices(dataset.store, dataset.split, device, resident)
    sampler = StepSampler(len(dataset), batch_size, seed=dataset.seed, start_step=start_step)
    loader: DataLoader[CleanBatch] = DataLoader(
        dataset if slices is None else dataset.unread(),
        batch_sampler=sampler,
        num_workers=workers,
        collate_fn=_as_is,
        # Without its own generator a loader draws from torch's default one, and the noise of a
        # resumed run would differ from an unbroken one.
        generator=torch.Generator().manual_seed(torch_seed(dataset.seed, "loader")),
        pin_memory=device.type == "cuda",
        persistent_workers=workers > 0,
    )
    for clean in loader:
        yield clean.finished(device, slices)


def ordered_batches(
    dataset: SliceDataset,
    *,
    batch_size: int,
    limit: int | None = None,
    device: torch.device = _CPU,
) -> Iterator[Batch]:
    """Yield every slice once, in the manifest's order; damage is the same at every call.

    With a `limit`, slices are taken at even distances over the whole split. The damage is done on
    `device`.
    """
    count = len(dataset) if limit is None else min(limit, len(dataset))
    items = np.linspace(0, len(dataset) - 1, count).round().astype(int)
    for start in range(0, count, batch_size):
        draws = [Draw(0, int(item)) for item in items[start : start + batch_size]]
        yield dataset.__getitems__(draws).finished(device)


def _moved(told: Mapping[str, Tensor] | None, device: torch.device) -> dict[str, Tensor] | None:
    if told is None:
        return None
    return {name: values.to(device, non_blocking=True) for name, values in told.items()}


def _as_is(batch: Any) -> Any:
    return batch  # the dataset has read the whole batch already
