import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from skimage.filters import threshold_otsu

import phantoms
from mrigen.data.volumes.distribution import Distribution, otsu_threshold
from mrigen.data.volumes.volume import Volume

PERCENTS = (0, 0.5, 25, 50, 99.5, 100)
DTYPES = ("u1", "i1", "<i2", ">i2", "<u2", ">u2", "<i4", "<f4", ">f4", "<f8")


def volume_of(array, slope=1.0, intercept=0.0):
    return Volume(np.asarray(array), slope, intercept, np.eye(4), (1.0, 1.0, 1.0))


def numbers(dtype, shape=(9, 10, 11), seed=0):
    noise = np.random.default_rng(seed)
    dtype = np.dtype(dtype)
    spread = 100 if dtype.itemsize == 1 else 20000
    array = np.rint(noise.normal(0, spread / 3, shape)).clip(-spread, spread)
    array = np.where(noise.random(shape) < 0.3, 0, array)
    return (np.abs(array) if dtype.kind == "u" else array).astype(dtype)


def check(distribution, array):
    flat = array.astype(np.float64).ravel()
    assert distribution.size == flat.size
    assert distribution.nonzero == np.count_nonzero(flat)
    np.testing.assert_allclose(
        distribution.percentile(PERCENTS), np.percentile(flat, PERCENTS), rtol=1e-6
    )
    np.testing.assert_allclose(
        distribution.nonzero_percentile(PERCENTS),
        np.percentile(flat[flat != 0], PERCENTS),
        rtol=1e-6,
    )


@pytest.mark.parametrize("scaling", [(1.0, 0.0), (0.25, 0.0), (-2.0, 0.0), (0.5, 100.0)])
@pytest.mark.parametrize("dtype", DTYPES)
def test_percentiles_are_numpys_whatever_the_type_and_the_scaling(dtype, scaling):
    volume = volume_of(numbers(dtype), *scaling)
    check(Distribution.of_volume(volume), volume.array)


@pytest.mark.parametrize("dtype", DTYPES)
def test_axes_in_any_order_and_direction_are_counted_alike(dtype):
    volume = volume_of(numbers(dtype).transpose(2, 0, 1)[::-1, :, ::-1])
    check(Distribution.of_volume(volume), volume.array)


@pytest.mark.parametrize("scaling", [(1.0, 0.0), (-0.5, 30.0)])
@pytest.mark.parametrize("dtype", ["u1", "<i2", "<f4"])
def test_voxels_outside_a_mask_count_as_zero(dtype, scaling):
    volume = volume_of(numbers(dtype), *scaling)
    inside = np.random.default_rng(1).random(volume.stored.shape) < 0.5
    check(Distribution.of_volume(volume, inside), np.where(inside, volume.array, 0))


def test_mended_voxels_count_as_zero():
    array = numbers("f4")
    array[0, 0, :4] = np.nan, np.inf, -np.inf, 7
    volume = Volume(array, 1.0, 0.0, np.eye(4), (1.0, 1.0, 1.0), nonfinite=3)
    check(Distribution.of_volume(volume), volume.array)


@settings(deadline=None, max_examples=60)
@given(hnp.arrays(np.int16, st.integers(2, 40)), st.floats(0, 100))
def test_few_voxels_have_exact_percentiles(array, percent):
    counted = Distribution.of_volume(volume_of(array[:, None, None]))
    expected = np.percentile(array.astype(np.float64), percent)
    assert counted.percentile(percent) == pytest.approx(expected, rel=1e-6, abs=1e-3)


def test_an_empty_image_has_no_nonzero_percentile():
    empty = Distribution.of_array(np.zeros(5, np.float32))
    assert empty.nonzero_percentile(50) == 0
    assert empty.nonzero == 0


def test_otsus_threshold_is_that_of_scikit_image():
    noise = np.random.default_rng(0)
    for _ in range(20):
        centres = np.linspace(0, 1, 256)
        counts = noise.integers(0, 50, 256) * (noise.random(256) < 0.5)
        counts[[0, -1]] = 5
        assert otsu_threshold(counts, centres) == threshold_otsu(hist=(counts, centres))


@pytest.mark.parametrize("dtype", [np.int16, np.float32])
def test_the_threshold_parts_head_from_air(dtype):
    head = phantoms.head().astype(dtype)
    threshold = Distribution.of_volume(volume_of(head)).foreground_threshold()
    assert 15 < threshold < 300
    # It does not depend on how the numbers are stored.
    scaled = volume_of(head, 0.5, 10.0)
    again = Distribution.of_volume(scaled).foreground_threshold()
    assert again == pytest.approx(threshold * 0.5 + 10, abs=3)


def test_an_almost_constant_image_has_a_threshold():
    array = np.zeros((20, 20, 20), np.int16)
    array[0, 0, 0] = -5
    assert -5 <= Distribution.of_volume(volume_of(array)).foreground_threshold() <= 0
