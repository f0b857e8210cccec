"""Batches of slices whose order is a function of (seed, step)."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

from mrigen.data.corruptions import CorruptionConfig, corrupt
from mrigen.data.store import SliceStore
from mrigen.errors import DataError
from mrigen.images import from_integers
from mrigen.seeds import rng, torch_seed

TRAIN, VALIDATION, TEST = "train", "validation", "test"


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
    """

    input: Tensor
    target: Tensor
    patch: Tensor
    index: Tensor

    def to(self, device: torch.device) -> "Batch":
        """Copy to a device."""
        return Batch(*(part.to(device, non_blocking=True) for part in self._parts))

    def pin_memory(self) -> "Batch":
        """Copy to memory that a GPU reads without waiting; PyTorch's loader calls this."""
        return Batch(*(part.pin_memory() for part in self._parts))

    @property
    def _parts(self) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        return self.input, self.target, self.patch, self.index


class Draw(NamedTuple):
    """One item of the endless training stream: which slice, and in which pass over the data."""

    epoch: int
    item: int


class SliceDataset(Dataset[Batch]):
    """The slices of one split, damaged on the way if the model learns to restore.

    Parameters
    ----------
    store
        Where the slices lie.
    split
        "train", "validation" or "test".
    corruption
        Damage to apply to the input; None leaves it clean.
    seed
        With the split, the pass and the row it decides the damage.

    Raises
    ------
    DataError
        If the split has no slices.
    """

    def __init__(
        self, store: SliceStore, split: str, *, corruption: CorruptionConfig | None, seed: int
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

    def __getitems__(self, draws: list[Draw]) -> Batch:
        """Read a batch at once; PyTorch calls this in place of one read per item."""
        rows = self.positions[[draw.item for draw in draws]]
        target = from_integers(self.store.read(rows))
        damaged, patch = target.clone(), torch.zeros_like(target, dtype=torch.bool)
        if self.corruption is not None:
            for place, (draw, row) in enumerate(zip(draws, rows, strict=True)):
                stream = rng(self.seed, self.split, draw.epoch, int(row))
                answer = corrupt(target[place].numpy(), self.corruption, stream)
                damaged[place] = torch.from_numpy(answer.image)
                patch[place] = torch.from_numpy(answer.patch)
        return Batch(damaged[:, None], target[:, None], patch[:, None], torch.from_numpy(rows))

    def __getitem__(self, draw: Draw) -> Batch:
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
    workers: int = 0,
    pin_memory: bool = False,
) -> Iterator[Batch]:
    """Yield the endless stream of training batches from `start_step` on.

    `workers` processes prepare them, and pinned memory lets a GPU read them without waiting.
    """
    sampler = StepSampler(len(dataset), batch_size, seed=dataset.seed, start_step=start_step)
    loader: DataLoader[Batch] = DataLoader(
        dataset,
        batch_sampler=sampler,
        num_workers=workers,
        collate_fn=_as_is,
        # Without its own generator a loader draws from torch's default one, and the noise of a
        # resumed run would differ from an unbroken one.
        generator=torch.Generator().manual_seed(torch_seed(dataset.seed, "loader")),
        pin_memory=pin_memory,
        persistent_workers=workers > 0,
    )
    return iter(loader)


def ordered_batches(
    dataset: SliceDataset, *, batch_size: int, limit: int | None = None
) -> Iterator[Batch]:
    """Yield every slice once, in the manifest's order; damage is the same at every call.

    With a `limit`, slices are taken at even distances over the whole split.
    """
    count = len(dataset) if limit is None else min(limit, len(dataset))
    items = np.linspace(0, len(dataset) - 1, count).round().astype(int)
    for start in range(0, count, batch_size):
        draws = [Draw(0, int(item)) for item in items[start : start + batch_size]]
        yield dataset.__getitems__(draws)


def _as_is(batch: Any) -> Any:
    return batch  # the dataset has read the whole batch already
