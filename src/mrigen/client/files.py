"""Files of images by their endings: what they are called over HTTP, and whether they are whole."""

import struct
import zipfile
from pathlib import Path

import numpy as np

from mrigen.client.arrays import MOST_ARRAYS, array_header
from mrigen.errors import ClientError

#: What the server calls the format of a file, by its ending.
FORMATS = {".png": "png", ".zip": "zip", ".npz": "npz", ".nii": "nifti"}

# Of NIfTI by the length of the header that it begins with: `dim` and `vox_offset`. The second
# version holds more slices.
_HEADERS = {348: struct.Struct("<40x8h52xf"), 540: struct.Struct("<16x8q88xq")}

# SyntaxError is Pillow's for a damaged PNG.
_DAMAGE = (ValueError, OSError, SyntaxError, LookupError, RuntimeError, zipfile.BadZipFile)


def format_of(path: Path) -> str:
    """Return the format of a file by its ending.

    Raises
    ------
    ClientError
        If it is none.
    """
    found = FORMATS.get(path.suffix.lower())
    if found is None:
        raise ClientError(
            f"'{path}' is no file for images: expected a name in {', '.join(FORMATS)}."
        )
    return found


def most_bytes(count: int, size: int) -> int:
    """Return a bound on a file of `count` images of `size` pixels, whatever its format."""
    return count * (8 * (size + 8) ** 2 + 4096) + 2**16


def check_whole(path: Path, file_format: str, count: int, size: int) -> None:
    """Refuse a file that is cut off, damaged or has another number of images.

    Raises
    ------
    ClientError
        Without the file's temporary name in it.
    """
    try:
        _CHECKS[file_format](path, count, size)
    except _DAMAGE as error:
        raise ClientError(
            f"the server's answer is no whole {file_format} file ({str(error)[:120]!a}): ask "
            "again, and look at the server if that does not help."
        ) from None


def _check_png(path: Path, count: int, size: int) -> None:
    from PIL import Image

    with Image.open(path, formats=("PNG",)) as picture:
        width, height = picture.size
        picture.verify()
    if width * height < count * size**2:
        raise ValueError(f"{width} x {height} pixels")


def _check_zip(path: Path, count: int, size: int) -> None:
    with zipfile.ZipFile(path) as archive:
        pictures = [name for name in archive.namelist() if name.lower().endswith(".png")]
        if len(pictures) != count:
            raise ValueError(f"{len(pictures)} pictures")
        _check_members(archive, count, size)


def _check_npz(path: Path, count: int, size: int) -> None:
    with zipfile.ZipFile(path) as archive:
        if len(archive.namelist()) > MOST_ARRAYS:
            raise ValueError("too many arrays")
        with archive.open("images.npy") as member:
            shape, dtype = array_header(member, archive.getinfo("images.npy").file_size)
        if (shape, dtype) != ((count, size, size), np.dtype("<f4")):
            raise ValueError(f"images that are {dtype} {shape}")
        _check_members(archive, count, size)


def _check_members(archive: zipfile.ZipFile, count: int, size: int) -> None:
    if sum(one.file_size for one in archive.infolist()) > most_bytes(count, size):
        raise ValueError("too many bytes")
    damaged = archive.testzip()
    if damaged is not None:
        raise ValueError(f"'{damaged}' is damaged")


def _check_nifti(path: Path, count: int, size: int) -> None:
    with path.open("rb") as file:
        start = file.read(max(_HEADERS))
    header = _HEADERS.get(int.from_bytes(start[:4], "little"))
    if header is None or len(start) < header.size:
        raise ValueError("no header")
    axes, width, height, depth, *_, offset = header.unpack_from(start)
    if (axes, width, height, depth) != (3, size, size, count):
        raise ValueError(f"{width} x {height} x {depth} values")
    if path.stat().st_size != int(offset) + 4 * count * size**2:
        raise ValueError(f"{path.stat().st_size} bytes")


_CHECKS = {"png": _check_png, "zip": _check_zip, "npz": _check_npz, "nifti": _check_nifti}
