"""Masks kept on disk under the hash of what they were computed from."""

import logging
import zipfile
import zlib
from collections.abc import Callable
from math import prod
from pathlib import Path

import numpy as np
from numpy.lib.npyio import NpzFile

from mrigen.atomic import atomic_file
from mrigen.data.volumes.reading import Mask

_LOGGER = logging.getLogger(__name__)


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
        Of the mask. A file that holds anything else is damaged, and written anew.
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
    try:
        with path.open("rb") as file:
            saved = NpzFile(file, allow_pickle=False)
            bits, kept_shape = saved["bits"], tuple(saved["shape"].tolist())
        if kept_shape != shape or bits.dtype != np.uint8 or len(bits) != -(-prod(shape) // 8):
            raise ValueError(f"a mask of shape {kept_shape}, not {shape}")
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        _LOGGER.warning("brain mask '%s' is damaged (%s) and is computed anew.", path.name, error)
        return None
    return np.unpackbits(bits, count=prod(shape)).reshape(shape).astype(np.bool_)
