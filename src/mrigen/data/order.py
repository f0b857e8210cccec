"""The order of training slices: a function of (seed, step)."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from torch.utils.data import Sampler

from mrigen.seeds import rng


class Draw(NamedTuple):
    """One item of the endless training stream: which slice, and in which pass over the data."""

    epoch: int
    item: int


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
