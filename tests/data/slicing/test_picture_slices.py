import numpy as np
import pytest

from mrigen.data.scans import Scan
from mrigen.data.slicing.cohort import gather_facts
from mrigen.data.slicing.dataset import DatasetConfig
from mrigen.data.slicing.picture_slices import check_picture_config, cut_picture, describe_picture
from mrigen.errors import ConfigError, DataError

ALL = {"by": "all"}


def scan_of(index=3, **values):
    return Scan(f"data/p_{index}.png", "png", "png/p", "T1w", plane="axial", index=index, **values)


def config_of(**values):
    defaults = {"source": "png", "selection": ALL, "intensity": {"scope": "stored"}, "size": 32}
    return DatasetConfig.model_validate({**defaults, **values})


def picture(height=32, width=32, seed=0):
    noise = np.random.default_rng(seed)
    array = noise.integers(0, 100, (height, width)) / 255
    array[height // 4 : height // 2, : width // 2] = 200 / 255
    return array.astype(np.float32)


def test_a_picture_of_the_right_size_is_kept_to_the_last_bit():
    pixels = picture()
    cut = cut_picture(pixels, scan_of(age=30.0, split="test"), config_of())
    np.testing.assert_array_equal(cut.pixels[0] / np.float32(255), pixels)
    assert cut.grid is None
    (record,) = cut.records
    assert (record.index, record.age, record.declared_split) == (3, 30.0, "test")
    assert record.plane == "axial"
    sizes = (record.spacing_mm, record.pixel_height_mm, record.pixel_width_mm)
    assert (record.position_mm, *sizes) == (None,) * 4
    assert (record.brain_fraction, record.label_fraction) == (None, None)
    assert 0.05 < record.foreground_fraction < 0.3


def test_a_tall_picture_is_padded_or_stretched_and_stays_upright():
    pixels = np.zeros((64, 32), np.float32)
    pixels[:8] = 1
    padded = cut_picture(pixels, scan_of(), config_of()).pixels[0]
    assert padded[:3, 10:22].min() > 200
    assert padded[:, :7].max() == padded[:, -7:].max() == 0
    stretched = cut_picture(pixels, scan_of(), config_of(geometry={"fit": "stretch"})).pixels[0]
    assert stretched[:3].min() > 200
    assert stretched[8:].max() == 0


def test_each_picture_can_be_scaled_by_itself():
    intensity = {"scope": "slice", "lower": 0, "upper": 100}
    pixels = cut_picture(picture() / 2, scan_of(), config_of(intensity=intensity)).pixels
    assert pixels.max() == 255


def test_pictures_can_be_scaled_together():
    config = config_of(intensity={"scope": "cohort", "lower": 0, "upper": 100})
    dim, bright = picture() / 4, picture(seed=1)
    facts = gather_facts([describe_picture(each, scan_of(), config) for each in (dim, bright)],
                         config)  # fmt: skip
    assert cut_picture(dim, scan_of(), config, cohort=facts).pixels.max() == 64
    assert cut_picture(bright, scan_of(), config, cohort=facts).pixels.max() == 255


@pytest.mark.parametrize(
    ("selection", "kept"),
    [
        (ALL, [0, 1, 2, 3, 4, 5, 6, 7]),
        ({"by": "all", "step": 3}, [0, 3, 6]),
        ({"by": "index", "start": 2, "stop": 6}, [2, 3, 4, 5]),
        ({"by": "index", "start": 3, "stop": 8, "step": 2}, [3, 5, 7]),
    ],
)
def test_pictures_are_selected_by_their_numbers(selection, kept):
    config = config_of(selection=selection)
    assert [n for n in range(8) if cut_picture(picture(), scan_of(n), config) is not None] == kept


def test_outliers_among_pictures_are_dropped():
    config = config_of(selection={"by": "all", "content": {"rule": "nonzero_count"}})
    pictures = [np.zeros((32, 32), np.float32), *(picture(seed=seed) for seed in range(5))]
    facts = gather_facts((describe_picture(each, scan_of(), config) for each in pictures), config)
    kept = [cut_picture(each, scan_of(), config, cohort=facts) is not None for each in pictures]
    assert not kept[0]
    assert any(kept)


def test_an_empty_picture_is_black():
    cut = cut_picture(np.zeros((8, 8), np.float32), scan_of(), config_of())
    assert not cut.pixels.any()
    assert cut.records[0].foreground_fraction == 0


def test_another_plane_is_a_data_error():
    with pytest.raises(
        DataError, match=r"'p_3\.png' shows the axial plane: expected the coronal one"
    ):
        cut_picture(picture(), scan_of(), config_of(plane="coronal"))


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"selection": {}}, r"selection\.by' is 'fraction': expected 'all' or 'index'"),
        ({"intensity": {}}, r"intensity\.scope' is 'volume': expected 'slice', 'cohort' or"),
        ({"brain_mask": {}}, "brain_mask' is set: expected null"),
        ({"labels": True}, "labels' is true: expected false"),
        ({"geometry": {"centre": "foreground"}}, r"geometry\.centre' is 'foreground': expected"),
        ({"geometry": {"field_mm": 200}}, r"geometry\.field_mm' is set: expected null"),
    ],
)
def test_what_takes_a_volume_is_a_config_error(values, words):
    check_picture_config("heads", config_of())
    with pytest.raises(ConfigError, match=rf"'datasets\.heads\.{words}.*belong to no volume"):
        check_picture_config("heads", config_of(**values))
