"""Slices from PNG pictures."""

from zlib import crc32

from mrigen.data.held_file import HeldFile
from mrigen.data.pictures import read_picture
from mrigen.data.uploads.limits import check_amount
from mrigen.data.volumes.volume import FloatArray
from mrigen.errors import DataError

_SIGNATURE_BYTES = 8
_SIDES = slice(16, 24)  # in the first chunk
_FRAME_BYTES = 12  # length, type and checksum around the data of a chunk
# Enough for the largest picture; reading takes microseconds for each, however empty it is.
_MAX_CHUNKS = 2**14


def read_png(content: bytes, max_pixels: int) -> FloatArray:
    """Read a picture as grey values; transparency is ignored.

    Parameters
    ----------
    content
        A file that begins as a PNG file does.
    max_pixels
        The most pixels it may declare.

    Returns
    -------
    (1, H, W) float32 in [0, 1]

    Raises
    ------
    TooLargeError
        If it declares too much.
    DataError
        If it is damaged, or as `read_picture`.
    """
    sides = content[_SIDES]
    width, height = int.from_bytes(sides[:4], "big"), int.from_bytes(sides[4:], "big")
    check_amount("the picture", (height, width), max_pixels)
    _check_chunks(content)
    return read_picture(HeldFile("upload.png", content), max_pixels).pixels[None]


def _check_chunks(content: bytes) -> None:
    """Compare every checksum: the decoder looks at a few, and shows damaged pixels."""
    whole, place = memoryview(content), _SIGNATURE_BYTES
    for _ in range(_MAX_CHUNKS):
        end = place + _FRAME_BYTES + int.from_bytes(whole[place : place + 4], "big")
        if end > len(whole) or crc32(whole[place + 4 : end - 4]) != int.from_bytes(
            whole[end - 4 : end], "big"
        ):
            raise DataError(
                f"the picture is damaged or cut off after {place} of {len(whole)} bytes: expected "
                "a whole PNG file. Send it again."
            )
        if content[place + 4 : place + 8] == b"IEND":
            return
        place = end
    raise DataError(
        f"the picture has more than {_MAX_CHUNKS} parts: expected a plain PNG file. Save it again."
    )
