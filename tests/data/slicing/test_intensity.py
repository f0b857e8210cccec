import io

import matplotlib.image
import numpy as np
import pytest
from PIL import Image

import phantoms
from mrigen.config import parse_config
from mrigen.data.slicing.intensity import (
    IntensityConfig,
    shared_levels,
    slice_levels,
    stored_levels,
    stretch,
    volume_levels,
)
from mrigen.data.slicing.levels import Levels
from mrigen.data.volumes.distribution import Distribution
from mrigen.data.volumes.volume import Volume
from mrigen.errors import ConfigError, DataError

WHOLE = IntensityConfig(scope="slice", lower=0, upper=100, through_png=True)


def levels_of(black, white):
    return Levels(np.array(black, np.float64), np.array(white, np.float64))


def saved_by_matplotlib(picture, **limits):
    file = io.BytesIO()
    matplotlib.image.imsave(file, picture.astype(np.float64), cmap="gray", format="png", **limits)
    return np.asarray(Image.open(file).convert("L"))


def slices_of_many_kinds():
    noise = np.random.default_rng(0)
    ramp = np.arange(4096, dtype=np.float32).reshape(64, 64)
    return np.stack(
        [
            ramp,
            -ramp,
            ramp * 0 + 7,
            ramp * 0,
            noise.integers(0, 1000, (64, 64)).astype(np.float32),
            noise.normal(0, 1e-3, (64, 64)).astype(np.float32),
            (noise.random((64, 64)) < 0.5).astype(np.float32),
            ramp % 256,
            ramp % 257,
            noise.integers(0, 65536, (64, 64)).astype(np.float32),
        ]
    )


def test_through_png_writes_the_pixels_of_matplotlib():
    slices = slices_of_many_kinds()
    greys = slice_levels(slices, WHOLE).scale_through_png(slices)
    assert greys.dtype == np.float32
    for grey, picture in zip(greys, slices, strict=True):
        np.testing.assert_array_equal(np.rint(grey * 255), saved_by_matplotlib(picture))


def test_through_png_with_limits_writes_the_pixels_of_matplotlib():
    slices = slices_of_many_kinds()[[0, 4, 9]]
    greys = levels_of(100, 850).scale_through_png(slices)
    for grey, picture in zip(greys, slices, strict=True):
        expected = saved_by_matplotlib(picture, vmin=100, vmax=850)
        np.testing.assert_array_equal(np.rint(grey * 255), expected)


def test_a_slice_is_measured_by_the_rule_of_the_volume():
    slices = phantoms.head()[8:12]
    slices[:, :5] = 0
    config = IntensityConfig(scope="slice", lower=1, upper=98)
    levels = slice_levels(slices, config)
    for place, picture in enumerate(slices):
        assert levels.black[place] == np.float32(np.percentile(picture.astype(np.float64), 1))
        bright = picture[picture != 0].astype(np.float64)
        assert levels.white[place] == pytest.approx(np.percentile(bright, 98), rel=1e-6)


def test_zero_and_hundred_are_minimum_and_maximum_of_all():
    slices = np.array([[[-4, 0], [-2, 0]], [[3, 5], [4, 5]]], np.float32)
    levels = slice_levels(slices, WHOLE)
    assert levels.black.tolist() == [-4, 3]
    assert levels.white.tolist() == [0, 5]
    config = IntensityConfig(lower=0, upper=100)
    whole = volume_levels(Distribution.of_array(slices[:1]), config, name="a")
    assert (float(whole.black), float(whole.white)) == (-4, 0)


def test_the_extremes_of_a_slice_become_exactly_black_and_white():
    slices = phantoms.head()[8:12] * np.float32(0.0137)
    scaled = slice_levels(slices, WHOLE).scale(slices)
    assert scaled.min(axis=(1, 2)).tolist() == [0] * 4
    assert scaled.max(axis=(1, 2)).tolist() == [1] * 4


@pytest.mark.parametrize("limits", [(0, 100), (5, 95)])
def test_a_constant_slice_becomes_black(limits):
    slices = np.full((2, 8, 8), 9, np.float32)
    slices[1] = 0
    config = IntensityConfig(scope="slice", lower=limits[0], upper=limits[1])
    levels = slice_levels(slices, config)
    assert not levels.scale(slices).any()
    assert not levels.scale_through_png(slices).any()
    assert not stretch(slices).any()


def test_a_slice_whose_percentiles_coincide_becomes_black():
    slices = np.full((1, 16, 16), 5, np.float32)
    slices[0, 0, :3] = 1, 8, 9
    levels = slice_levels(slices, IntensityConfig(scope="slice", lower=5, upper=95))
    assert not levels.scale(slices).any()
    assert not levels.scale_through_png(slices).any()


def test_stretching_reaches_both_ends():
    pictures = np.random.default_rng(0).uniform(0.2, 0.7, (3, 8, 8)).astype(np.float32)
    stretched = stretch(pictures)
    assert stretched.min(axis=(1, 2)).tolist() == [0] * 3
    assert stretched.max(axis=(1, 2)).tolist() == [1] * 3


@pytest.mark.parametrize(
    ("dtype", "scaling", "expected"),
    [
        (np.uint8, (1, 0), (0, 255)),
        (np.int16, (1, 0), (-32768, 32767)),
        (np.uint8, (-2, 10), (-500, 10)),
    ],
)
def test_stored_levels_are_the_range_of_the_type(dtype, scaling, expected):
    volume = Volume(np.zeros((2, 2, 2), dtype), *scaling, np.eye(4), (1.0, 1.0, 1.0))
    levels = stored_levels(volume, name="a")
    assert (float(levels.black), float(levels.white)) == expected


def test_floats_have_no_stored_range():
    volume = Volume(np.zeros((2, 2, 2), np.float32), 1.0, 0.0, np.eye(4), (1.0, 1.0, 1.0))
    with pytest.raises(DataError, match=r"'a\.nii' stores floating-point .*scope to 'volume'"):
        stored_levels(volume, name="a.nii")


def test_each_scope_looks_where_it_says():
    distribution = Distribution.of_array(np.arange(1, 102, dtype=np.float32))
    pooled, whole = levels_of(3, 9), levels_of(0, 255)

    def find(**values):
        config = IntensityConfig.model_validate({"lower": 0, "upper": 100, **values})
        return shared_levels(distribution, config, name="a", stored=lambda: whole, cohort=pooled)

    assert find(scope="slice") is None
    assert find(scope="cohort") is pooled
    assert find(scope="stored") is whole
    assert float(find(scope="volume").white) == 101


def test_a_scan_that_the_cohort_does_not_know_is_a_data_error():
    distribution = Distribution.of_array(np.arange(9, dtype=np.float32))
    config = IntensityConfig(scope="cohort")
    with pytest.raises(DataError, match=r"'a\.nii' could not be read when the cohort was measured"):
        shared_levels(distribution, config, name="a.nii", stored=lambda: levels_of(0, 1))


def test_percentiles_that_coincide_are_a_data_error():
    with pytest.raises(DataError, match="expected an image"):
        volume_levels(Distribution.of_array(np.ones(9, np.float32)), IntensityConfig(), name="a")


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"scope": "scan"}, "'scope' is 'scan': expected 'slice', 'volume', 'cohort' or 'stored'"),
        ({"lower": 60, "upper": 60}, "expected lower below upper"),
        ({"lower": -1}, "'lower' is -1: expected greater than or equal to 0"),
        ({"upper": 101}, "'upper' is 101: expected less than or equal to 100"),
    ],
)
def test_mistakes_say_what_was_expected(values, words):
    with pytest.raises(ConfigError, match=words):
        parse_config(IntensityConfig, values, source="params.yaml")
