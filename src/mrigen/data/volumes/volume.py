"""One 3-D image, its numbers as stored and scaled where they are looked at."""

from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256

import numpy as np
import numpy.typing as npt

from mrigen.data.volumes.headers import Affine

FloatArray = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]
StoredArray = npt.NDArray[np.generic]


@dataclass(frozen=True, eq=False)
class Volume:
    """One 3-D image in canonical orientation, its numbers as the file stores them.

    Attributes
    ----------
    stored : (X, Y, Z) integer or float
        The file's numbers, read-only; x grows to the patient's right, y to the front, z to the
        top. Intensities are `slope * stored + intercept`.
    slope, intercept
        Stored numbers to intensities.
    affine : (4, 4) float64
        Voxel indices to millimetres in RAS+.
    spacing_mm
        Voxel size along x, y and z.
    nonfinite
        Voxels that were NaN or infinite in the file and are 0 among the intensities.
    """

    stored: StoredArray
    slope: float
    intercept: float
    affine: Affine
    spacing_mm: tuple[float, float, float]
    nonfinite: int = 0

    def intensities(self, indices: npt.ArrayLike | None = None, axis: int = 2) -> FloatArray:
        """Scale slices as the file says.

        Parameters
        ----------
        indices : (N,) int
            Which slices along `axis`; None takes all.
        axis
            0, 1 or 2: x, y or z.

        Returns
        -------
        (N, A, B) float32
            Finite. The slice axis comes first; the other two keep their order.
        """
        moved = np.moveaxis(self.stored, axis, 0)
        places = range(len(moved)) if indices is None else np.asarray(indices, np.intp)
        # Slice by slice, and each in the order that it has in the file: neighbours stay neighbours.
        tall, wide = moved.shape[1:]
        if abs(moved.strides[1]) < abs(moved.strides[2]):
            slices = np.empty((len(places), wide, tall), np.float32).transpose(0, 2, 1)
        else:
            slices = np.empty((len(places), tall, wide), np.float32)
        with np.errstate(over="ignore", invalid="ignore"):
            for place, index in enumerate(places):
                slices[place] = moved[index]
                self._to_intensities(slices[place])
        return slices

    def scale(self, stored: StoredArray) -> FloatArray:
        """Scale some of the stored numbers to intensities, NaN and infinities to 0."""
        with np.errstate(over="ignore", invalid="ignore"):
            array = stored.astype(np.float32)
            self._to_intensities(array)
        return array

    def _to_intensities(self, array: FloatArray) -> None:
        if (self.slope, self.intercept) != (1.0, 0.0):
            array *= np.float32(self.slope)
            array += np.float32(self.intercept)
        if self.nonfinite:
            array[~np.isfinite(array)] = 0

    @property
    def array(self) -> FloatArray:
        """All intensities, (X, Y, Z) float32 and finite."""
        return self.scale(self.stored)

    def in_memory_order(self) -> StoredArray:
        """Return the stored numbers, (X * Y * Z,), in the order of the file, without a copy."""
        return _flat(self.stored)

    @cached_property
    def digest(self) -> str:
        """SHA-256, in hexadecimal, of the stored numbers, their grid and their scaling."""
        digest = sha256(np.ascontiguousarray(self.in_memory_order()).view(np.uint8).data)
        described = (self.stored.shape, self.stored.strides, self.stored.dtype.str)
        digest.update(repr((*described, self.slope, self.intercept)).encode())
        digest.update(np.ascontiguousarray(self.affine, "<f8").tobytes())
        return digest.hexdigest()


def _flat(array: StoredArray) -> StoredArray:
    # Flipped and swapped axes put back as they lie in memory, so that flattening copies nothing.
    steps = tuple(slice(None, None, 1 if stride > 0 else -1) for stride in array.strides)
    order = np.argsort([-abs(stride) for stride in array.strides], kind="stable")
    return array[steps].transpose(order).reshape(-1)
