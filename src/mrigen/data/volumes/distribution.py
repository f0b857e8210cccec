"""How often each intensity occurs in an image: exact percentiles, and Otsu's threshold."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Self

import numpy as np
import numpy.typing as npt

from mrigen.data.volumes.volume import FloatArray, Mask, Volume

Counts = npt.NDArray[np.int64]

# Otsu's threshold is sought among these parts of the range between two robust percentiles.
_BINS = 256
_ROBUST = (0.5, 99.5)
_CHUNK_VOXELS = 2**18


@dataclass(frozen=True, eq=False)
class Distribution:
    """The intensities of an image in ascending order.

    Attributes
    ----------
    values : (K,) float32
        Ascending; equal ones may follow each other.
    upto : (K,) int64
        How many voxels have this value or one before it. None where each value is one voxel.
    """

    values: FloatArray
    upto: Counts | None = None

    @classmethod
    def of_volume(cls, volume: Volume, inside: Mask | None = None) -> Self:
        """Count the intensities of a volume.

        Numbers of up to 16 bits are counted, ten times as fast as they would be sorted; others are
        sorted.

        Parameters
        ----------
        volume
            The image.
        inside : (X, Y, Z) bool
            Voxels outside count as 0. None takes the volume as it is.
        """
        if volume.stored.dtype.kind in "iu" and volume.stored.dtype.itemsize <= 2:
            return cls._counted(volume, inside)
        array = volume.scale(volume.in_memory_order() if inside is None else volume.stored)
        if inside is not None:
            array[~inside] = 0
        return cls.of_array(array)

    @classmethod
    def of_array(cls, array: FloatArray) -> Self:
        """Sort the values of an array; they have to be finite."""
        return cls(np.sort(array, axis=None))

    @classmethod
    def _counted(cls, volume: Volume, inside: Mask | None) -> Self:
        flat = volume.in_memory_order() if inside is None else volume.stored[inside]
        stored, counts = _count(flat)
        values = volume.scale(stored)
        outside = volume.stored.size - flat.size
        if outside:
            values, counts = np.append(values, np.float32(0)), np.append(counts, outside)
        order = np.argsort(values, kind="stable")
        return cls(values[order], np.cumsum(counts[order]))

    @property
    def size(self) -> int:
        """How many voxels there are."""
        return len(self.values) if self.upto is None else int(self.upto[-1])

    @property
    def nonzero(self) -> int:
        """How many voxels are not exactly 0."""
        first, last = self._zero_ranks
        return self.size - (last - first)

    def percentile(self, percent: npt.ArrayLike) -> FloatArray:
        """Return percentiles of all voxels, as `numpy.percentile` defines them."""
        places = np.asarray(percent, np.float64) / 100 * (self.size - 1)
        return _interpolate(places, self._at)

    def nonzero_percentile(self, percent: npt.ArrayLike) -> FloatArray:
        """Return percentiles of the voxels that are not exactly 0; 0 where there is none."""
        if not self.nonzero:
            return np.zeros(np.shape(percent), np.float32)
        places = np.asarray(percent, np.float64) / 100 * (self.nonzero - 1)
        return _interpolate(places, self._at_nonzero)

    def foreground_threshold(self) -> float:
        """Return the intensity that parts head from air by Otsu's method.

        The variance between two classes is compared over 256 parts of the range from the 0.5th
        percentile of all voxels to the 99.5th of those that are not 0; what lies beyond is counted
        at its ends.

        References
        ----------
        Otsu, doi:10.1109/TSMC.1979.4310076.
        """
        low, high = float(self.percentile(_ROBUST[0])), float(self.nonzero_percentile(_ROBUST[1]))
        if low >= high:
            low, high = float(self.values[0]), float(self.values[-1])
        edges = np.linspace(low, high, _BINS + 1)
        below = self._below(edges[1:-1].astype(np.float32))
        counts = np.diff(below, prepend=0, append=self.size)
        return otsu_threshold(counts, (edges[:-1] + edges[1:]) / 2)

    @property
    def _zero_ranks(self) -> tuple[int, int]:
        return int(self._below(np.float32(0))), int(self._below(np.float32(0), side="right"))

    def _below(self, values: npt.ArrayLike, side: Literal["left", "right"] = "left") -> Counts:
        """Return how many voxels are smaller than each value, or as small with side "right"."""
        places = np.searchsorted(self.values, np.asarray(values, np.float32), side=side)
        if self.upto is None:
            return np.asarray(places, np.int64)
        return np.asarray(np.where(places > 0, self.upto[places - 1], 0), np.int64)

    def _at(self, ranks: Counts) -> FloatArray:
        places = ranks if self.upto is None else np.searchsorted(self.upto, ranks, side="right")
        return np.asarray(self.values[places], np.float32)

    def _at_nonzero(self, ranks: Counts) -> FloatArray:
        first, last = self._zero_ranks
        return self._at(np.where(ranks < first, ranks, ranks + last - first))


def otsu_threshold(counts: Counts, centres: npt.NDArray[np.float64]) -> float:
    """Return the bin centre that parts a histogram into the two most distinct classes.

    Parameters
    ----------
    counts : (K,) int
        Not all in one bin; the first and the last bin not both empty.
    centres : (K,) float64
        Of the bins, ascending.
    """
    weights = counts.astype(np.float64)
    below, above = np.cumsum(weights)[:-1], np.cumsum(weights[::-1])[::-1][1:]
    sums = np.cumsum(weights * centres)
    means_below = sums[:-1] / np.maximum(below, 1)
    means_above = (sums[-1] - sums[:-1]) / np.maximum(above, 1)
    return float(centres[np.argmax(below * above * (means_below - means_above) ** 2)])


def _count(flat: npt.NDArray[np.generic]) -> tuple[npt.NDArray[np.generic], Counts]:
    """Return the numbers that occur in an array of up to 16 bits, and how often each does."""
    dtype = flat.dtype.newbyteorder("=")
    counts = np.zeros(2 ** (8 * dtype.itemsize), np.int64)
    plain = np.dtype(f"u{dtype.itemsize}")
    # In chunks, since counting widens its numbers to 64 bits.
    for start in range(0, flat.size, _CHUNK_VOXELS):
        part = flat[start : start + _CHUNK_VOXELS].astype(dtype, copy=False).view(plain)
        counts += np.bincount(part, minlength=len(counts))
    # Seen as unsigned, negative numbers follow the positive ones.
    numbers = np.arange(len(counts), dtype=plain).view(dtype)
    found = np.flatnonzero(counts)
    return numbers[found], counts[found]


def _interpolate(
    places: npt.NDArray[np.float64], value_at: Callable[[Counts], FloatArray]
) -> FloatArray:
    below = np.floor(places).astype(np.int64)
    low = value_at(below).astype(np.float64)
    high = value_at(np.ceil(places).astype(np.int64)).astype(np.float64)
    return np.asarray(low + (high - low) * (places - below), np.float32)
