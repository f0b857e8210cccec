import zlib

import numpy as np
import pytest
from PIL import Image

from mrigen.data.uploads.limits import TooLargeError
from mrigen.data.uploads.pictures import read_png
from mrigen.errors import DataError
from upload_files import as_bytes, chunk, made_png, noise, png

LIMIT = 2**20


def test_eight_and_sixteen_bits_are_shares_of_their_range():
    pixels = as_bytes(noise(6, 8))
    np.testing.assert_array_equal(read_png(png(pixels), LIMIT)[0], pixels / np.float32(255))
    deep = np.rint(noise(6, 8) * 65535).astype(np.uint16)
    np.testing.assert_array_equal(read_png(png(deep), LIMIT)[0], deep / np.float32(65535))


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "LA", "P"])
def test_grey_in_colours_is_the_same_grey(mode):
    pixels = as_bytes(noise(6, 8))
    read = read_png(png(pixels, mode), LIMIT)
    np.testing.assert_array_equal(read[0], pixels / np.float32(255))


def test_what_declares_too_much_is_not_unpacked():
    for width, height, words in (
        (5000, 2, "2 x 5000 pixels: expected at most 4096 along"),
        (2000, 2000, "2000 x 2000 pixels: expected at most 1048576 in all"),
    ):
        with pytest.raises(TooLargeError, match=words):
            read_png(made_png(width, height, b"no pixels"), LIMIT)


def test_more_pixels_than_declared_are_not_unpacked():
    # 64 MiB that are a few kilobytes; what the picture declares is all that is read.
    content = made_png(8, 6, zlib.compress(bytes(2**26), 9))
    assert read_png(content, LIMIT).shape == (1, 6, 8)


@pytest.mark.parametrize("kind", [b"zTXt", b"iCCP"])
def test_text_that_unpacks_to_much_is_refused(kind):
    packed = zlib.compress(bytes(2**24), 9)
    extra = chunk(kind, b"words\0\0" + packed)
    content = made_png(8, 6, zlib.compress(bytes(9 * 6)), extra)
    with pytest.raises(DataError, match="too large"):
        read_png(content, LIMIT)


def test_a_picture_of_countless_parts_is_refused():
    content = made_png(8, 6, zlib.compress(bytes(9 * 6)), chunk(b"tEXt", b"a\0b") * 2**14)
    with pytest.raises(DataError, match="has more than 16384 parts"):
        read_png(content, LIMIT)


def test_damage_is_noticed_wherever_it_is():
    content = png(as_bytes(noise(6, 8)))
    for place in range(8, len(content), 7):
        damaged = bytearray(content)
        damaged[place] ^= 4
        with pytest.raises(DataError):
            read_png(bytes(damaged), LIMIT)
    for length in range(8, len(content), 7):
        with pytest.raises(DataError):
            read_png(content[:length], LIMIT)


def test_moving_pictures_are_refused():
    frames = as_bytes(noise(2, 6, 8))
    content = png(frames[0], save_all=True, append_images=[Image.fromarray(frames[1])])
    with pytest.raises(DataError, match="holds 2 pictures: expected one"):
        read_png(content, LIMIT)
