"""PNG and JPEG slices, every size checked before any pixel is decoded."""

import struct
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image, UnidentifiedImageError

from mrigen.data.held_file import File, HeldFile
from mrigen.errors import DataError

# More than any slice has; what a file may declare is a matter of a few bytes.
MAX_PIXELS = 2**24
_MIN_SIDE = 2

# Bits of the stored grey values. Pillow reads 16-bit colour as 8-bit colour.
_BITS: dict[str, Literal[8, 16]] = {
    **dict.fromkeys(("1", "L", "LA", "P", "PA", "RGB", "RGBA"), 8),
    **dict.fromkeys(("I", "I;16", "I;16B", "I;16L"), 16),
}

# Pillow meets a damaged file with whatever its parsers stumble over.
_DAMAGE = (OSError, EOFError, SyntaxError, ValueError, LookupError, struct.error, zlib.error)


class Picture(NamedTuple):
    """A decoded picture.

    Attributes
    ----------
    pixels : (H, W) float32 in [0, 1]
        Share of the range that the file can store; colour became luminance (Rec. 601).
    bits
        8 or 16, of a stored grey value.
    """

    pixels: npt.NDArray[np.float32]
    bits: Literal[8, 16]


def check_picture(path: File, max_pixels: int) -> tuple[int, int]:
    """Read and check the header of a PNG or JPEG file; no pixel is decoded.

    Parameters
    ----------
    path
        The file.
    max_pixels
        The most pixels it may declare; never more than `MAX_PIXELS`.

    Returns
    -------
    Its height and width.

    Raises
    ------
    DataError
        If it is no PNG or JPEG, declares too many pixels, or holds several pictures or CMYK.
    """
    with _opened(path, max_pixels) as image:
        return image.height, image.width


def read_picture(path: File, max_pixels: int) -> Picture:
    """Read a PNG or JPEG file as grey values; transparency is ignored.

    Parameters
    ----------
    path
        The file.
    max_pixels
        The most pixels it may declare; never more than `MAX_PIXELS`.

    Raises
    ------
    DataError
        As `check_picture`, and if the pixels cannot be decoded.
    """
    with _opened(path, max_pixels) as image:
        bits = _BITS[image.mode]
        grey = image.convert("L") if bits == 8 else image
        pixels = np.asarray(grey).astype(np.float32) / np.float32(2**bits - 1)
    return Picture(pixels, bits)


@contextmanager
def _opened(path: File, max_pixels: int) -> Iterator[Image.Image]:
    """Open a checked picture; what goes wrong in the block is a `DataError`."""
    try:
        with warnings.catch_warnings():
            # Of many pixels, where our own limit is lower, and of damage beside the pixels.
            warnings.simplefilter("ignore")
            source = path.open("rb") if isinstance(path, HeldFile) else path
            with Image.open(source, formats=("PNG", "JPEG")) as image:
                _check(path, image, min(max_pixels, MAX_PIXELS))
                yield image
    except UnidentifiedImageError:
        raise DataError(
            f"picture '{path.name}' is not a PNG or JPEG file, whatever its name says. "
            "Export it again, or remove it."
        ) from None
    except Image.DecompressionBombError:
        raise DataError(
            f"picture '{path.name}' declares more than {2 * (Image.MAX_IMAGE_PIXELS or 0)} pixels: "
            f"expected at most {min(max_pixels, MAX_PIXELS)}. Remove it."
        ) from None
    except _DAMAGE as error:
        problem = getattr(error, "strerror", None) or str(error)
        raise DataError(
            f"picture '{path.name}' cannot be read ({problem}): expected a whole PNG or JPEG "
            "file. Copy it again from its source, or remove it."
        ) from None


def _check(path: File, image: Image.Image, limit: int) -> None:
    width, height = image.size
    if width * height > limit:
        raise DataError(
            f"picture '{path.name}' declares {width} x {height} pixels: expected at most {limit} "
            "in all. Remove it, or export the slice by itself."
        )
    if min(width, height) < _MIN_SIDE:
        raise DataError(
            f"picture '{path.name}' has {width} x {height} pixels: expected {_MIN_SIDE} or more "
            "along each side. Remove it."
        )
    if getattr(image, "n_frames", 1) != 1:
        raise DataError(
            f"picture '{path.name}' holds {getattr(image, 'n_frames', 1)} pictures: expected one. "
            "Export each slice as its own file."
        )
    if image.mode not in _BITS:
        raise DataError(
            f"picture '{path.name}' has colours of the kind {image.mode}: expected grey or RGB. "
            "Convert it, or remove it."
        )
