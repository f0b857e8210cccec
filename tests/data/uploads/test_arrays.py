import gc
import time
import warnings
import zipfile
from threading import Thread

import numpy as np
import pytest

from mrigen.data.uploads.arrays import read_arrays
from mrigen.data.uploads.limits import TooLargeError
from mrigen.errors import DataError
from upload_files import made_npz, noise, npy, npz

LIMIT = 2**20


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("dtype", ["<f4", "<f8", ">f4", ">f8"])
def test_shares_are_taken_as_they_are(dtype, order, packed):
    images = np.asarray(noise(3, 8, 9), dtype, order=order)
    read = read_arrays(npz(images, packed=packed, seeds=np.arange(3)), LIMIT)
    np.testing.assert_array_equal(read, images)
    assert (read.dtype, read.flags.c_contiguous, read.flags.writeable) == (np.float32, True, True)


@pytest.mark.parametrize(("dtype", "limit"), [("u1", 255), ("<u2", 65535), (">u2", 65535)])
def test_whole_numbers_are_shares_of_their_range(dtype, limit):
    images = np.rint(noise(2, 8, 9) * limit).astype(dtype)
    read = read_arrays(npz(images), LIMIT)
    np.testing.assert_array_equal(read, images.astype(np.float32) / np.float32(limit))


@pytest.mark.parametrize("shape", [(8, 9), (1, 8, 9), (1, 1, 8, 9)])
def test_a_slice_may_have_axes_of_one(shape):
    images = noise(*shape)
    np.testing.assert_array_equal(read_arrays(npz(images), LIMIT), images.reshape(1, 8, 9))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, -1e-6, 1.001, 1e300])
def test_values_that_are_no_shares_are_refused(value):
    images = noise(2, 8, 9).astype(np.float64)
    images[1, 3, 4] = value
    with pytest.raises(DataError, match=r"'images' has values from .* to .*: expected numbers"):
        read_arrays(npz(images), LIMIT)


@pytest.mark.parametrize("shape", [(), (8,), (0, 8, 9), (2, 1, 9), (2, 3, 8, 9), (1, 1, 1, 8, 9)])
def test_other_shapes_are_refused(shape):
    with pytest.raises(DataError, match=r"'images' has shape \(.*\): expected \(N, H, W\)"):
        read_arrays(npz(np.zeros(shape, np.float32)), LIMIT)


@pytest.mark.parametrize("dtype", ["<f2", "<i4", "?", "<c8", "<U3", "|S4", "<i8", "<m8[s]"])
def test_other_numbers_are_refused(dtype):
    with pytest.raises(DataError, match=r"'images' is of type '.*': expected float32"):
        read_arrays(npz(np.zeros((2, 8, 9), dtype)), LIMIT)


def test_objects_and_fields_are_refused_before_anything_is_unpickled():
    for descr in ("|O", [("a", "<f4"), ("b", "|O")]):
        content = made_npz(("images.npy", npy((2, 8, 9), b"\x80\x04N." * 200, descr)))
        with pytest.raises(DataError, match="'images' is of type"):
            read_arrays(content, LIMIT)


@pytest.mark.parametrize(
    ("shape", "words"),
    [((100, 200, 200), "at most 1048576 in all"), ((2, 5000, 2), "at most 4096 along each side")],
)
def test_what_declares_too_much_is_not_unpacked(shape, words):
    # The data are missing, and nobody looks.
    with pytest.raises(TooLargeError, match=words):
        read_arrays(made_npz(("images.npy", npy(shape, b""))), LIMIT)


@pytest.mark.parametrize("extra", [-4, -1, 1, 2**20])
def test_data_have_to_be_as_long_as_the_shape_says(extra):
    data = bytes(2 * 8 * 9 * 4 + extra)
    with pytest.raises(DataError, match=r"of data: expected 576 for the shape \(2, 8, 9\)"):
        read_arrays(made_npz(("images.npy", npy((2, 8, 9), data))), LIMIT)


def test_the_array_has_to_be_there_once():
    with pytest.raises(DataError, match="has 0 arrays 'images' among 1"):
        read_arrays(made_npz(("pictures.npy", npy((2, 8, 9), bytes(576)))), LIMIT)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        twice = made_npz(*[("images.npy", npy((2, 8, 9), bytes(576)))] * 2)
    with pytest.raises(DataError, match="has 2 arrays 'images' among 2"):
        read_arrays(twice, LIMIT)


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_other_ways_of_packing_are_refused(method):
    content = made_npz(("images.npy", npy((2, 8, 9), bytes(576))), method=method)
    with pytest.raises(DataError, match=f"packed by method {method}"):
        read_arrays(content, LIMIT)


def test_encrypted_arrays_are_refused():
    content = bytearray(npz(noise(2, 8, 9)))
    content[content.index(b"PK\x01\x02") + 8] |= 1
    with pytest.raises(DataError, match="is encrypted"):
        read_arrays(bytes(content), LIMIT)


def test_a_false_checksum_is_noticed():
    content = bytearray(npz(noise(2, 8, 9)))
    content[content.index(b"PK\x01\x02") - 1] ^= 1
    with pytest.raises(DataError, match="is damaged"):
        read_arrays(bytes(content), LIMIT)


@pytest.mark.parametrize(
    "header",
    [
        b"\x93NUMPY\x01\x00\x84\x03" + b"(" * 899 + b"\n",
        b"\x93NUMPY\x01\x00\xe7\x03" + b"-" * 998 + b"1\n",
        b"\x93NUMPY\x01\x00\x10\x27" + b" " * 10000,
        b"\x93NUMPY\x02\x00\xff\xff\xff\x0f" + b" " * 1000,
        b"\x93NUMPY\x01\x00\x0a\x00__import__",
        b"\x80\x04N.",
        b"",
    ],
)
def test_no_header_is_run_or_trusted(header):
    with pytest.raises(DataError, match="is damaged"):
        read_arrays(made_npz(("images.npy", header)), LIMIT)


def test_members_are_not_listed_before_they_are_counted():
    many = made_npz(*[(f"{number}.npy", b"") for number in range(400)])
    with pytest.raises(DataError, match=r"a table of members of \d+ bytes: expected at most 16384"):
        read_arrays(many, LIMIT)


def test_an_archive_has_to_end_as_one():
    whole = npz(noise(2, 8, 9))
    for content in (whole[:-1], whole + b"\0", whole[:30], b"PK\x03\x04"):
        with pytest.raises(DataError, match="has no plain end"):
            read_arrays(content, LIMIT)


def test_many_threads_read_at_once():
    content, stacks = npz(noise(1, 2, 2)), []

    def read():
        stacks.extend(read_arrays(content, 4) for _ in range(1000))

    def let_others_run(phase, info):
        time.sleep(0)

    # Collections in the middle of everything, each of which passes the interpreter on.
    threads, threshold = [Thread(target=read) for _ in range(4)], gc.get_threshold()
    gc.callbacks.append(let_others_run)
    gc.set_threshold(5)
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        gc.set_threshold(*threshold)
        gc.callbacks.remove(let_others_run)
    assert len(stacks) == 4000
