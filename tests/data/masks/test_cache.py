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
