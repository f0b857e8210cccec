"""PNG files, made many times a second."""

import struct
import zlib

import numpy as np
from isal import isal_zlib

from mrigen.images import UInt8Array

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_GREY, _RGB, _UP = 0, 2, 2  # of the PNG standard: colour types, and the filter "up"
_LEVEL = 1


def quick_png(picture: UInt8Array) -> bytes:
    """Encode one grey (H, W) or RGB (H, W, 3) picture, twenty times as fast as Pillow does.

    Compressing a sheet of a small network's samples would otherwise take a third of the time in
    which they are computed. The file is a tenth larger. The same picture gives the same bytes on
    the same kind of processor, and everywhere the same pixels.
    """
    height, width = picture.shape[:2]
    flat = np.ascontiguousarray(picture).reshape(height, -1)
    rows = np.empty((height, 1 + flat.shape[1]), np.uint8)
    rows[:, 0] = _UP  # each row is kept as its difference from the one above
    rows[0, 1:] = flat[0]
    np.subtract(flat[1:], flat[:-1], out=rows[1:, 1:])
    colours = _GREY if picture.ndim == 2 else _RGB
    header = struct.pack(">IIBBBBB", width, height, 8, colours, 0, 0, 0)
    parts = (b"IHDR", header), (b"IDAT", isal_zlib.compress(rows, _LEVEL)), (b"IEND", b"")
    return _SIGNATURE + b"".join(_chunk(kind, content) for kind, content in parts)


def _chunk(kind: bytes, content: bytes) -> bytes:
    check = zlib.crc32(content, zlib.crc32(kind))
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", check)
