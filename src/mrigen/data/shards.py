"""Slices in `.npy` files of about a thousand each."""

from collections.abc import Iterable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np

from mrigen.data.records import Pixels
from mrigen.errors import DataError

if TYPE_CHECKING:
    from hashlib import _Hash as Hash

# Fewer slices make a shard where they are large.
SHARD_SLICES, SHARD_BYTES = 1000, 2**28


def write_shards(folder: Path, chunks: Iterable[Pixels]) -> tuple[list[str], "Hash"]:
    """Write slices as `slices-000.npy` and its followers, of `SHARD_SLICES` each.

    Parameters
    ----------
    folder
        Where they go.
    chunks : each (N, size, size) uint8 or uint16

    Returns
    -------
    names
        Of the shards, in order.
    digest
        SHA-256 of the pixels, open for more.
    """
    digest = sha256()
    names: list[str] = []
    for shard in _fill_shards(chunks):
        names.append(f"slices-{len(names):03d}.npy")
        np.save(folder / names[-1], shard, allow_pickle=False)
        digest.update(shard.tobytes())
    return names, digest


def _fill_shards(chunks: Iterable[Pixels]) -> Iterator[Pixels]:
    # Shards are cut at a fixed number of slices, wherever a scan happens to end.
    held: list[Pixels] = []
    for chunk in chunks:
        limit = max(1, min(SHARD_SLICES, SHARD_BYTES // chunk[0].nbytes))
        held.append(chunk)
        while sum(map(len, held)) >= limit:
            joined = np.concatenate(held)
            yield joined[:limit]
            held = [joined[limit:]]
    if sum(map(len, held)):
        yield np.concatenate(held)


def open_shard(path: Path, *, size: int, bits: int, remedy: str) -> Pixels:
    """Map one shard into memory, read only.

    Raises
    ------
    DataError
        If it is missing, is not a `.npy` file, or does not hold slices of this size and depth.
    """
    try:
        shard = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError):
        raise DataError(
            f"slice store '{path.parent.name}' has no readable '{path.name}': {remedy}."
        ) from None
    if shard.ndim != 3 or shard.shape[1:] != (size, size) or shard.dtype != f"uint{bits}":
        raise DataError(
            f"'{path.name}' of slice store '{path.parent.name}' holds {shard.dtype} of shape "
            f"{shard.shape}: expected uint{bits} of shape (N, {size}, {size}). "
            f"To make it anew, {remedy}."
        )
    return cast("Pixels", shard)
