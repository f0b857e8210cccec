import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mrigen.data.corruptions import CorruptionConfig, LinePatchConfig, corrupt
from mrigen.seeds import rng

LINE = CorruptionConfig(line_patch=LinePatchConfig())
HALF = CorruptionConfig(downscale=2)
BOTH = CorruptionConfig(line_patch=LinePatchConfig(), downscale=2)


def image(size: int = 48, seed: int = 0) -> np.ndarray:
    return rng("image", seed).random((size, size), dtype=np.float32) * np.float32(0.8)


def test_nothing_configured_changes_nothing():
    answer = corrupt(image(), CorruptionConfig(), rng(0))
    assert np.array_equal(answer.image, image())
    assert not answer.patch.any()


@pytest.mark.parametrize("config", [LINE, HALF, BOTH])
def test_same_generator_same_damage(config):
    first, second = corrupt(image(), config, rng(3)), corrupt(image(), config, rng(3))
    assert np.array_equal(first.image, second.image)
    assert np.array_equal(first.patch, second.patch)


def test_other_generator_other_line():
    assert not np.array_equal(
        corrupt(image(), LINE, rng(1)).patch, corrupt(image(), LINE, rng(2)).patch
    )


@settings(deadline=None, max_examples=60)
@given(seed=st.integers(0, 10_000), size=st.integers(8, 80))
def test_line_stays_inside_its_rectangle_and_below_the_peak(seed, size):
    clean = image(size)
    answer = corrupt(clean, LINE, rng(seed))
    changed = answer.image != clean
    assert answer.patch.any()
    assert not changed[~answer.patch].any()
    assert answer.image.max() <= clean.max()
    assert (answer.image >= clean).all()
    assert answer.image.dtype == np.float32
    rows, columns = answer.patch.any(1).nonzero()[0], answer.patch.any(0).nonzero()[0]
    assert answer.patch[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].all()


@pytest.mark.parametrize("seed", range(20))
def test_line_lies_around_the_centre_and_is_thin(seed):
    black = np.zeros((64, 64), np.float32)
    black[0, 0] = 1  # something to cap the line's brightness at
    answer = corrupt(black, LINE, rng(seed))
    line = answer.image > 0
    line[0, 0] = False
    rows, columns = line.nonzero()
    assert np.abs(np.stack([rows, columns]) - 31.5).max() <= 0.25 * 64 + 4 + 1
    length = np.hypot(np.ptp(rows), np.ptp(columns)) + 1
    assert line.sum() <= (length + 8) * 10


def test_halved_resolution_keeps_the_mean_and_drops_the_finest_detail():
    board = np.indices((32, 32)).sum(0) % 2
    answer = corrupt(board.astype(np.float32), HALF, rng(0)).image
    assert np.allclose(answer, 0.5)


def test_halved_resolution_keeps_a_ramp():
    ramp = np.tile(np.linspace(0, 1, 32, dtype=np.float32), (32, 1))
    answer = corrupt(ramp, HALF, rng(0)).image
    assert np.allclose(answer[:, 2:-2], ramp[:, 2:-2], atol=1e-6)


@pytest.mark.parametrize("size", [31, 33])
def test_odd_sizes_keep_their_shape(size):
    answer = corrupt(image(size), BOTH, rng(0))
    assert answer.image.shape == answer.patch.shape == (size, size)
