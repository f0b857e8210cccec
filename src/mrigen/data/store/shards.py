"""Slices in `.npy` files of about a thousand each."""

from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

import numpy as np
import numpy.typing as npt

from mrigen.data.records import Pixels
from mrigen.errors import DataError

if TYPE_CHECKING:
    from hashlib import _Hash as Hash

# Fewer slices make a shard where they are large.
SHARD_SLICES, SHARD_BYTES = 1000, 2**28


class ShardWriter:
    """Writes slices as `<stem>-000.npy` and its followers, of the same number of slices each.

    Shards are cut wherever a scan happens to end, and memory holds one of them.

    Parameters
    ----------
    folder
        Where they go.
    stem
        Beginning of the files' names.
    slices
        In a shard; the last has what is left.

    Attributes
    ----------
    names
        Of the shards written so far, in order.
    digest
        SHA-256 of the pixels in them.
    """

    def __init__(self, folder: Path, stem: str, *, slices: int) -> None:
        self._folder, self._stem, self._slices = folder, stem, slices
        self._held: Pixels | None = None
        self._filled = 0
        self.names: list[str] = []
        self.digest: Hash = sha256()

    def add(self, pixels: Pixels) -> None:
        """Take the next slices, (N, size, size), all of one size and depth."""
        if self._held is None:
            self._held = np.empty((self._slices, *pixels.shape[1:]), pixels.dtype)
        start = 0
        while start < len(pixels):
            part = pixels[start : start + self._slices - self._filled]
            self._held[self._filled : self._filled + len(part)] = part
            self._filled += len(part)
            start += len(part)
            if self._filled == self._slices:
                self._flush()

    def close(self) -> None:
        """Write what is left."""
        if self._filled:
            self._flush()

    def _flush(self) -> None:
        assert self._held is not None
        shard = self._held[: self._filled]
        self.names.append(f"{self._stem}-{len(self.names):03d}.npy")
        np.save(self._folder / self.names[-1], shard, allow_pickle=False)
        self.digest.update(shard.data)
        self._filled = 0


def slices_per_shard(slice_bytes: int) -> int:
    """Return how many slices of this many bytes make a shard."""
    return max(1, min(SHARD_SLICES, SHARD_BYTES // slice_bytes))


class Shards:
    """The slices of some shards as one array, mapped into memory and read only.

    Parameters
    ----------
    paths
        The files, in order.
    size, bits
        What a slice has to be.
    remedy
        What to do when a file is damaged, for the error.

    Raises
    ------
    DataError
        If one is missing, is not a `.npy` file, or does not hold slices of this size and depth.
    """

    def __init__(
        self, paths: Sequence[Path], *, size: int, bits: Literal[8, 16], remedy: str
    ) -> None:
        self._shape, self._dtype = (size, size), np.dtype(f"uint{bits}")
        self._shards = [self._open(path, remedy) for path in paths]
        self._starts = np.cumsum([0, *(len(shard) for shard in self._shards)])

    def __len__(self) -> int:
        return int(self._starts[-1])

    def _open(self, path: Path, remedy: str) -> Pixels:
        store = path.parent.name
        try:
            shard = np.load(path, mmap_mode="r", allow_pickle=False)
        except (OSError, ValueError, EOFError):
            raise DataError(
                f"slice store '{store}' has no readable '{path.name}': {remedy}."
            ) from None
        if shard.ndim != 3 or shard.shape[1:] != self._shape or shard.dtype != self._dtype:
            raise DataError(
                f"'{path.name}' of slice store '{store}' holds {shard.dtype} of shape "
                f"{shard.shape}: expected {self._dtype} of shape (N, {self._shape[0]}, "
                f"{self._shape[1]}). To make it anew, {remedy}."
            )
        return cast("Pixels", shard)

    def read(self, positions: npt.ArrayLike) -> npt.NDArray[Any]:
        """Read slices by their position, in any order and with repeats.

        Raises
        ------
        IndexError
            If a position is negative or past the end.
        """
        rows = np.asarray(positions, np.int64)
        if len(rows) and (rows.min() < 0 or rows.max() >= len(self)):
            raise IndexError(f"rows {rows.min()} to {rows.max()} of a store of {len(self)} slices")
        pixels = np.empty((len(rows), *self._shape), self._dtype)
        # In the order they lie on disk.
        order = np.argsort(rows, kind="stable")
        borders = np.searchsorted(rows[order], self._starts)
        for shard, start, first, last in zip(
            self._shards, self._starts[:-1], borders[:-1], borders[1:], strict=True
        ):
            places = order[first:last]
            pixels[places] = shard[rows[places] - start]
        return pixels

    def digest(self) -> "Hash":
        """Read every pixel; return their SHA-256, open for more."""
        digest = sha256()
        for shard in self._shards:
            digest.update(np.ascontiguousarray(shard).data)
        return digest
