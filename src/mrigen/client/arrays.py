"""NumPy archives from elsewhere: nothing is allocated before its size was checked."""

import math
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import IO

import numpy as np
import numpy.typing as npt

from mrigen.errors import ClientError

Arrays = dict[str, npt.NDArray[np.generic]]

MOST_ARRAYS = 64
_PIECE_BYTES = 2**20  # members of archives copy what they read
_KINDS = "bfiuU"  # of numbers, text and what is true or not; never objects, which would be pickles


def read_arrays(file: IO[bytes], most_bytes: int) -> Arrays:
    """Read all arrays of an archive.

    Parameters
    ----------
    file
        The archive.
    most_bytes
        What all arrays together may have.

    Raises
    ------
    ClientError
        If it is damaged, or holds more or something else.
    """
    arrays: Arrays = {}
    with _told(), zipfile.ZipFile(file) as archive:
        members = archive.infolist()
        if len(members) > MOST_ARRAYS or sum(one.file_size for one in members) > most_bytes:
            raise ValueError(f"it has {len(members)} parts, or too many bytes")
        for one in members:
            with archive.open(one) as member:
                array = np.empty(*array_header(member, one.file_size))
                _fill(array, member)
            arrays[one.filename.removesuffix(".npy")] = array
    return arrays


def expect_array(
    arrays: Mapping[str, npt.NDArray[np.generic]], name: str, dtype: str, shape: tuple[int, ...]
) -> npt.NDArray[np.generic]:
    """Return an array that has to be there.

    Parameters
    ----------
    arrays
        What there is.
    name
        The array's.
    dtype
        NumPy's name of the type of its values.
    shape
        Its shape; -1 stands for any size.

    Raises
    ------
    ClientError
        If it is missing or different.
    """
    array = arrays.get(name)
    found = "missing" if array is None else f"{array.dtype} {array.shape}"
    if (
        array is None
        or array.dtype != np.dtype(dtype)
        or len(array.shape) != len(shape)
        or any(wanted not in (-1, size) for wanted, size in zip(shape, array.shape, strict=True))
    ):
        raise ClientError(
            f"'{name}' in the server's answer is {found}: expected {dtype} {shape}. The server "
            "may be of another version of mrigen."
        )
    return array


def array_header(member: IO[bytes], size: int) -> tuple[tuple[int, ...], np.dtype[np.generic]]:
    """Read the head of a stored array, up to its values.

    Parameters
    ----------
    member
        The array as NumPy stores it.
    size
        Its bytes.

    Returns
    -------
    Shape and type of its values

    Raises
    ------
    ValueError
        If the values are not plain, or not as many bytes as are there.
    """
    version = np.lib.format.read_magic(member)
    if version != (1, 0):
        raise ValueError(f"an array of the format {version}")
    shape, columns_first, dtype = np.lib.format.read_array_header_1_0(member)
    if columns_first or dtype.kind not in _KINDS:
        raise ValueError(f"an array of the type {dtype}")
    if member.tell() + dtype.itemsize * math.prod(shape) != size:
        raise ValueError("an array whose size is not that of its values")
    return shape, dtype


def _fill(array: npt.NDArray[np.generic], member: IO[bytes]) -> None:
    left = memoryview(array.reshape(-1).view(np.uint8).data)
    while left:
        got = member.readinto(left[:_PIECE_BYTES])  # type: ignore[attr-defined] # they do
        if not got:
            raise ValueError("an array that ends early")
        left = left[got:]
    member.read(1)  # the checksum is compared at the end


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    # NotImplementedError: compressed in a way that Python has not; RuntimeError: encrypted.
    except (ValueError, EOFError, zipfile.BadZipFile, NotImplementedError, RuntimeError) as error:
        raise ClientError(
            f"the server's answer is no whole archive of arrays ({str(error)[:120]!a}): "
            "ask again, and look at the server if that does not help."
        ) from None
