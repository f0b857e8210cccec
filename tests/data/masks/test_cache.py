import io
import tracemalloc
import zipfile

import numpy as np
import pytest

from mrigen.data.masks.cache import kept_mask

SHAPE = (5, 7, 3)
MASK = np.random.default_rng(0).random(SHAPE) > 0.5


def forbidden():
    raise AssertionError("computed again")


def test_a_mask_is_computed_once(tmp_path):
    folder = tmp_path / "masks"
    np.testing.assert_array_equal(kept_mask(folder, "a", SHAPE, compute=lambda: MASK), MASK)
    again = kept_mask(folder, "a", SHAPE, compute=forbidden)
    np.testing.assert_array_equal(again, MASK)
    assert again.dtype == np.bool_
    assert [path.name for path in folder.iterdir()] == ["a.npz"]
    with pytest.raises(AssertionError, match="computed again"):
        kept_mask(folder, "b", SHAPE, compute=forbidden)


def test_the_same_mask_is_the_same_file(tmp_path):
    for folder in ("a", "b"):
        kept_mask(tmp_path / folder, "m", SHAPE, compute=lambda: MASK)
    assert (tmp_path / "a/m.npz").read_bytes() == (tmp_path / "b/m.npz").read_bytes()


def test_a_computation_that_fails_leaves_nothing(tmp_path):
    with pytest.raises(AssertionError):
        kept_mask(tmp_path, "a", SHAPE, compute=forbidden)
    assert not list(tmp_path.iterdir())


def _flip_a_byte(data):
    middle = data.index(b"bits.npy") + 60
    return data[:middle] + bytes([data[middle] ^ 0xFF]) + data[middle + 1 :]


@pytest.mark.parametrize(
    "damage",
    [
        lambda _: b"",
        lambda data: data[: len(data) // 2],
        lambda _: b"not an archive at all",
        _flip_a_byte,
    ],
)
def test_a_damaged_file_is_computed_anew(tmp_path, caplog, damage):
    kept_mask(tmp_path, "a", SHAPE, compute=lambda: ~MASK)
    path = tmp_path / "a.npz"
    path.write_bytes(damage(path.read_bytes()))
    np.testing.assert_array_equal(kept_mask(tmp_path, "a", SHAPE, compute=lambda: MASK), MASK)
    assert "brain mask 'a.npz' is damaged" in caplog.text
    np.testing.assert_array_equal(kept_mask(tmp_path, "a", SHAPE, compute=forbidden), MASK)


@pytest.mark.parametrize(
    "content",
    [
        {"bits": np.packbits(MASK), "shape": np.array([7, 5, 3])},
        {"bits": np.packbits(MASK)[:-1], "shape": np.array(SHAPE)},
        {"bits": np.packbits(MASK).astype(np.float64), "shape": np.array(SHAPE)},
        {"bits": np.packbits(MASK)},
        {"bits": np.array([{"an": "object"}]), "shape": np.array(SHAPE)},
    ],
)
def test_an_archive_of_something_else_is_computed_anew(tmp_path, content):
    np.savez(tmp_path / "a.npz", **content)
    np.testing.assert_array_equal(kept_mask(tmp_path, "a", SHAPE, compute=lambda: MASK), MASK)
    np.testing.assert_array_equal(kept_mask(tmp_path, "a", SHAPE, compute=forbidden), MASK)


def _npy(descr, shape, data=b""):
    header = f"{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}\n".encode()
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + data


@pytest.mark.parametrize(
    "bits",
    [
        _npy("|u1", "(10000000000000,)"),
        _npy("|u1", "(14, 2)", bytes(28)),
        _npy("|u1", "()", bytes(1)),
        _npy("|O", "(14,)", b"cos\nsystem\n"),
        b"\x93NUMPY\x01\x00\xb8\x0b" + b"(" * 3000,
        b"no array",
    ],
)
@pytest.mark.parametrize("shape", [np.array(SHAPE), np.array(5)])
def test_headers_of_a_forged_archive_are_not_believed(tmp_path, bits, shape):
    buffer = io.BytesIO()
    np.save(buffer, shape)
    with zipfile.ZipFile(tmp_path / "a.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bits.npy", bits)
        archive.writestr("shape.npy", buffer.getvalue())
    np.testing.assert_array_equal(kept_mask(tmp_path, "a", SHAPE, compute=lambda: MASK), MASK)


def test_an_archive_that_unpacks_to_very_much_is_not_unpacked(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bits.npy", _npy("|u1", f"({2**25},)", bytes(2**25)))
        archive.writestr("shape.npy", b"")
    tracemalloc.start()
    try:
        kept_mask(tmp_path, "a", SHAPE, compute=lambda: MASK)
        assert tracemalloc.get_traced_memory()[1] < 2**23
    finally:
        tracemalloc.stop()


def test_any_wrong_byte_is_found_or_harmless(tmp_path, monkeypatch):
    monkeypatch.setattr("os.fsync", lambda _: None)  # hundreds of files, and no power cut
    kept_mask(tmp_path, "a", SHAPE, compute=lambda: MASK)
    path = tmp_path / "a.npz"
    whole = path.read_bytes()
    for place in range(len(whole)):
        for wrong in (0x01, 0x21):
            path.write_bytes(whole[:place] + bytes([whole[place] ^ wrong]) + whole[place + 1 :])
            np.testing.assert_array_equal(
                kept_mask(tmp_path, "a", SHAPE, compute=lambda: MASK), MASK
            )
