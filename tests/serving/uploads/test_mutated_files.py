"""Valid files with damage everywhere: each is used, or refused in one sentence."""

import gzip
import random
import struct
import tracemalloc
import zlib

import nibabel as nib
import numpy as np
import pytest

from mrigen.data.uploads.recognise import recognise
from mrigen.errors import DataError
from mrigen.serving.uploads.upload import read_upload
from upload_files import AFFINE, as_bytes, chunk, head, made_npz, made_png, nifti, noise, npy, npz
from upload_files import png as png_of

SIZE = 16
SMALL = head((6, 8, 7))
GREY = as_bytes(noise(12, 16))
FILES = {
    "png": [png_of(GREY), png_of(GREY, "P"), png_of(GREY, "RGBA"), png_of(GREY.astype(np.uint16))],
    "npz": [npz(noise(3, 12, 16)), npz(GREY, packed=True), npz(noise(2, 1, 9, 9).astype(">f8"))],
    "nifti": [
        nifti(SMALL),
        nifti(SMALL.astype(np.float32), kind=nib.Nifti2Image),
        nifti(SMALL, order=">"),
        nifti(SMALL[:, :, 3], affine=AFFINE),
    ],
    "nifti.gz": [nifti(SMALL, packed=True), nifti(SMALL, packed=True, kind=nib.Nifti2Image)],
}
NUMBERS = [0, 1, -1, 2**31 - 1, -(2**31), 2**15 - 1, 2**16 - 1, 2**24, 0x7F800000, 0x7FC00000]


def mutated(content, rng):
    """Return a file with flipped bits, other numbers, pieces lost, added or swapped."""
    data = bytearray(content)
    place = rng.randrange(len(data))
    start = rng.randrange(min(len(data), 540))
    match rng.randrange(6):
        case 0 | 1:
            for _ in range(rng.choice([1, 2, 8])):
                data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
        case 2:
            data[start : start + 4] = struct.pack(rng.choice("<>") + "q", rng.choice(NUMBERS))[:4]
        case 3:
            data[start : start + 4] = struct.pack("<f", rng.choice([np.nan, np.inf, -1, 1e30, 0]))
        case 4:
            del data[place:]
        case 5:
            data[place:place] = rng.randbytes(rng.choice([1, 4, 100]))
    return bytes(data)


def with_valid_checksums(content):
    """Mend the checksums of a PNG file, so that damage is not found by them."""
    mended, place = bytearray(content[:8]), 8
    while len(content) - place >= 8:
        length = int.from_bytes(content[place : place + 4], "big")
        part = content[place + 4 : place + 8 + length]
        mended += content[place : place + 4] + part + zlib.crc32(part).to_bytes(4, "big")
        place += 12 + length
    return bytes(mended)


def use(content):
    """Return the slices of a file after all that is done with an answer to it."""
    upload = read_upload(content, recognise(content), size=SIZE, max_pixels=2**16)
    assert all(isinstance(value, str) for value in upload.headers.values())
    if upload.volume is not None:
        upload.volume.encode(upload.images.numpy(), words="again", intensities=True)
    return upload.images


def refusal(content):
    """Return why a file is refused, or None if it is used."""
    try:
        images = use(content)
    except DataError as error:
        return str(error)
    assert images.shape[1:] == (1, SIZE, SIZE)
    assert 0 <= float(images.min()) <= float(images.max()) <= 1
    return None


def is_a_sentence(refused):
    return refused.isprintable() and len(refused) < 400 and "object at" not in refused


@pytest.mark.parametrize("kind", list(FILES))
def test_damaged_files_are_used_or_refused_in_a_sentence(kind):
    rng = random.Random(0)
    outcomes = []
    for _ in range(400):
        content = rng.choice(FILES[kind])
        if kind == "nifti.gz" and rng.random() < 0.5:
            content = gzip.compress(mutated(gzip.decompress(content), rng), 1)
        else:
            content = mutated(content, rng)
        if kind == "png" and rng.random() < 0.6:
            content = with_valid_checksums(content)
        outcomes.append(refusal(content))
    refused = [outcome for outcome in outcomes if outcome is not None]
    assert all(is_a_sentence(one) for one in refused)
    assert 0 < len(refused) < len(outcomes)


@pytest.mark.parametrize("kind", list(FILES))
def test_files_that_are_cut_anywhere_are_refused(kind):
    for content in FILES[kind]:
        for length in range(0, len(content), max(1, len(content) // 40)):
            refused = refusal(content[:length])
            assert refused is not None
            assert is_a_sentence(refused)


def test_random_bytes_are_refused_whatever_they_begin_with():
    rng = random.Random(0)
    for start in (b"", b"\x89PNG\r\n\x1a\n", b"PK\x03\x04", b"\x1f\x8b\x08", b"\x5c\x01\x00\x00"):
        for length in (0, 1, 40, 600):
            assert refusal(start + rng.randbytes(length)) is not None


MUCH = 2**26


def packed():
    return zlib.compress(bytes(MUCH), 9)


# Made where they are used: packing takes a while.
BOMBS = {
    "pixels that are declared": lambda: made_png(60000, 60000, packed()),
    "pixels that are not declared": lambda: made_png(16, 16, packed()),
    "text": lambda: made_png(
        16, 16, zlib.compress(bytes(17 * 16)), chunk(b"zTXt", b"a\0\0" + packed())
    ),
    "profile": lambda: made_png(
        16, 16, zlib.compress(bytes(17 * 16)), chunk(b"iCCP", b"a\0\0" + packed())
    ),
    "array that is declared": lambda: made_npz(
        ("images.npy", npy((2**10, 2**7, 2**7), bytes(MUCH)))
    ),
    "array that is not declared": lambda: made_npz(("images.npy", npy((2, 16, 16), bytes(MUCH)))),
    "other array": lambda: made_npz(
        ("images.npy", npy((2, 16, 16), bytes(2**11))), ("a", bytes(MUCH))
    ),
    "header of an array": lambda: made_npz(
        ("images.npy", b"\x93NUMPY\x02\x00\x00\x00\x00\x04" + bytes(MUCH))
    ),
    "voxels that are declared": lambda: gzip.compress(
        nifti(SMALL, dim=[3, 400, 400, 400, 1, 1, 1, 1]) + bytes(MUCH)
    ),
    "voxels that are not declared": lambda: gzip.compress(nifti(SMALL) + bytes(MUCH)),
}


@pytest.mark.parametrize("name", list(BOMBS))
def test_little_that_unpacks_to_much_takes_little_memory(name):
    content = BOMBS[name]()
    assert len(content) < 2**18
    refusal(FILES["png"][0])  # what is imported meanwhile is not counted
    tracemalloc.start()
    try:
        refusal(content)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 2**23
