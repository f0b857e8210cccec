"""Batches of slices whose order is a function of (seed, step)."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

from mrigen.data.corruptions.batches import Drawn, Item, corrupt, draw
from mrigen.data.corruptions.recipe import Recipe
from mrigen.data.store.slice_store import SliceStore
from mrigen.errors import DataError
from mrigen.images import from_integers
from mrigen.seeds import rng, torch_seed

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
    """

    input: Tensor
    target: Tensor
    patch: Tensor
    index: Tensor
    augmentation: Tensor | None = None

    def to(self, device: torch.device) -> "Batch":
        """Copy to a device."""
        label = self.augmentation
        return Batch(
            self.input.to(device, non_blocking=True),
            self.target.to(device, non_blocking=True),
            self.patch.to(device, non_blocking=True),
            self.index.to(device, non_blocking=True),
            None if label is None else label.to(device, non_blocking=True),
        )


class Draw(NamedTuple):
    """One item of the endless training stream: which slice, and in which pass over the data."""

    epoch: int
    item: int


@dataclass(frozen=True)
class CleanBatch:
    """What is read from a store, and the damage that is drawn for it but not done yet.

    Attributes
    ----------
    target : (N, 1, H, W) float32 in [0, 1]
    index : (N,) int64
        Rows of the manifest.
    drawn
        One entry per step of damage; none leaves the slices clean.
    """

    target: Tensor
    index: Tensor
    drawn: tuple[Drawn, ...]

    def pin_memory(self) -> "CleanBatch":
        """Copy to memory that a GPU reads without waiting; PyTorch's loader calls this."""
        return CleanBatch(self.target.pin_memory(), self.index.pin_memory(), self.drawn)

    def damaged(self, device: torch.device) -> Batch:
        """Copy to a device and do the damage there, to the whole batch at once."""
        target = self.target.to(device, non_blocking=True)
        images, patch = corrupt(target, self.drawn)
        return Batch(images, target, patch, self.index.to(device, non_blocking=True))


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

    Raises
    ------
    DataError
        If the split has no slices.
    """

    def __init__(
        self, store: SliceStore, split: str, *, corruption: Recipe | None, seed: int
    ) -> None:
        self.store = store
        self.split = split
        self.positions: npt.NDArray[np.int64] = store.positions(split)
        self.corruption = corruption
        self.seed = seed
        if not len(self.positions):
            raise DataError(
                f"dataset '{store.path.name}' has no slices in its {split} split: "
                "give that split a larger share of the subjects."
            )

    def __len__(self) -> int:
        return len(self.positions)

    def __getitems__(self, draws: list[Draw]) -> CleanBatch:
        """Read a batch at once; PyTorch calls this in place of one read per item."""
        rows = self.positions[[each.item for each in draws]]
        target = from_integers(self.store.read(rows))[:, None]
        drawn: tuple[Drawn, ...] = ()
        if self.corruption is not None:
            items = [
                Item(self.seed, self.split, each.epoch, int(row))
                for each, row in zip(draws, rows, strict=True)
            ]
            drawn = draw(self.corruption, items, (self.store.size, self.store.size))
        return CleanBatch(target, torch.from_numpy(rows), drawn)

    def __getitem__(self, draw: Draw) -> CleanBatch:
        """Read a batch of one."""
        return self.__getitems__([draw])


class StepSampler(Sampler[list[Draw]]):
    """Batches from `start_step` on, without end; each pass is its own permutation.

    Passes follow each other without a gap, so every batch is full.
    """

    def __init__(self, size: int, batch_size: int, *, seed: int, start_step: int = 0) -> None:
        self.size, self.batch_size = size, batch_size
        self.seed, self.start_step = seed, start_step

    def __iter__(self) -> Iterator[list[Draw]]:
        drawn = self.start_step * self.batch_size
        epoch = drawn // self.size
        order = self._permutation(epoch)
        while True:
            batch = []
            for place in range(drawn, drawn + self.batch_size):
                if place // self.size != epoch:
                    epoch = place // self.size
                    order = self._permutation(epoch)
                batch.append(Draw(epoch, int(order[place % self.size])))
            yield batch
            drawn += self.batch_size

    def _permutation(self, epoch: int) -> npt.NDArray[np.int64]:
        return rng(self.seed, "order", epoch).permutation(self.size)


def training_batches(
    dataset: SliceDataset,
    *,
    batch_size: int,
    start_step: int = 0,
    device: torch.device = _CPU,
    workers: int = 0,
) -> Iterator[Batch]:
    """Yield the endless stream of training batches from `start_step` on.

    `workers` processes read slices and draw the damage; it is done on `device`, so the numbers do
    not depend on how many there are.
    """
    sampler = StepSampler(len(dataset), batch_size, seed=dataset.seed, start_step=start_step)
    loader: DataLoader[CleanBatch] = DataLoader(
        dataset,
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
        yield clean.damaged(device)


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
        yield dataset.__getitems__(draws).damaged(device)


def _as_is(batch: Any) -> Any:
    return batch  # the dataset has read the whole batch already
