"""Masks kept on disk under the hash of what they were computed from."""

import logging
import struct
import zipfile
import zlib
from collections.abc import Callable
from io import BytesIO
from math import prod
from pathlib import Path

import numpy as np
import numpy.typing as npt

from mrigen.atomic import atomic_file
from mrigen.data.volumes.reading import Mask

_LOGGER = logging.getLogger(__name__)

# RuntimeError: packed in a way that is not supported, or encrypted, as a few wrong bits may say.
_DAMAGE = (
    *(OSError, EOFError, ValueError, KeyError, RuntimeError),
    *(zipfile.BadZipFile, zlib.error, struct.error),
)


def kept_mask(
    folder: Path, key: str, shape: tuple[int, ...], *, compute: Callable[[], Mask]
) -> Mask:
    """Return the mask that is kept under `key`; compute and keep it where there is none.

    Parameters
    ----------
    folder
        Where masks are kept; it is made when it is missing.
    key
        Hash of everything that the mask depends on.
    shape
        Of the mask. A file that holds anything else is damaged, and written anew; no more of it
        is unpacked than such a mask has.
    compute
        Makes the mask. Two processes that do so at once write the same file.
    """
    path = folder / f"{key}.npz"
    mask = _read(path, shape)
    if mask is None:
        mask = compute()
        with atomic_file(path) as temporary:
            np.savez_compressed(temporary, bits=np.packbits(mask), shape=np.array(mask.shape))
    return mask


def _read(path: Path, shape: tuple[int, ...]) -> Mask | None:
    bits = np.packbits(np.zeros(shape, np.bool_))
    bits_file, shape_file = _npy(bits), _npy(np.array(shape))
    header = bits_file[: -len(bits)]
    try:
        with zipfile.ZipFile(path) as archive:
            kept_shape = _unpacked(archive, "shape.npy", len(shape_file))
            kept_bits = _unpacked(archive, "bits.npy", len(bits_file))
        # Compared as bytes: whatever else the headers declare is never looked at.
        if kept_shape != shape_file or not kept_bits.startswith(header):
            raise ValueError(f"it holds no mask of shape {shape}")
    except FileNotFoundError:
        return None
    except _DAMAGE as error:
        _LOGGER.warning("brain mask '%s' is damaged (%s) and is computed anew.", path.name, error)
        return None
    packed = np.frombuffer(kept_bits, np.uint8, offset=len(header))
    return np.unpackbits(packed, count=prod(shape)).reshape(shape).astype(np.bool_)


def _npy(array: npt.NDArray[np.generic]) -> bytes:
    buffer = BytesIO()
    np.save(buffer, array, allow_pickle=False)
    return buffer.getvalue()


def _unpacked(archive: zipfile.ZipFile, name: str, size: int) -> bytes:
    # No more than what is expected: a few kilobytes can unpack to gigabytes.
    if archive.getinfo(name).compress_type != zipfile.ZIP_DEFLATED:
        raise ValueError(f"'{name}' is packed in another way")
    with archive.open(name) as file:
        content = file.read(size + 1)
    if len(content) != size:
        raise ValueError(f"'{name}' has not {size} bytes")
    return content
