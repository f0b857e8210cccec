import numpy as np
import pytest
import torch

from judged_cases import Replay, case, heads, pixels
from mrigen.data.loader import TEST
from mrigen.errors import DataError
from told_people import NAMES, Told, people_store, shown


def test_real_features_are_those_of_the_clean_slices_and_are_kept(tmp_path):
    made = case(tmp_path, Replay(heads(range(4))))
    rows = made.rows(TEST, 7)[::-1]
    assert torch.equal(made.real_features(rows), made.images(rows).flatten(1))
    again = case(tmp_path, Replay(heads(range(4))))
    again.real_features(rows[:3])
    assert again.extractor.network.seen == 0


def test_generated_features_are_computed_once(tmp_path):
    made = case(tmp_path, Replay(heads(range(20))))
    few = made.generated_features(8)
    assert made.extractor.network.seen == 8
    assert torch.equal(made.generated_features(24), made.generated(24).flatten(1))
    assert torch.equal(few, made.generated_features(24)[:8])
    assert made.extractor.network.seen == 24


def test_each_extractor_has_features_of_its_own(tmp_path):
    other = pixels(size=8, digest="small")
    made = case(tmp_path, Replay(heads(range(4))), extractors={"a": pixels(), "b": other})
    rows = made.rows(TEST, 5)
    for _ in range(2):
        assert made.real_features(rows).shape == made.generated_features(5).shape == (5, 256)
        assert made.real_features(rows, other).shape == (5, 64)
        assert made.generated_features(5, other).shape == (5, 64)


def test_generated_images_are_eight_bits_deep_and_the_same_however_many(tmp_path):
    made = case(tmp_path, Replay(heads(range(30))))
    images = made.generated(24)
    assert torch.equal(images, (heads(range(24)) * 255).round() / 255)
    assert torch.equal(made.generated(5), images[:5])
    with pytest.raises(DataError, match="25 generated images were asked for"):
        made.generated(25)


def test_a_network_that_draws_nothing_has_no_generated_images(tmp_path):
    with pytest.raises(DataError, match="expected a sampler"):
        case(tmp_path, torch.nn.Identity()).generated(2)


def test_rows_are_spread_over_a_split(tmp_path):
    made = case(tmp_path, torch.nn.Identity())
    rows = made.rows(TEST)
    assert set(made.store.manifest["split"].to_numpy()[rows]) == {TEST}
    few = made.rows(TEST, 3)
    assert few[0] == rows[0]
    assert few[-1] == rows[-1]
    assert len(few) == 3
    assert np.array_equal(made.rows(TEST, 10**6), rows)


def test_a_network_is_told_of_each_image_what_is_known_of_a_training_slice(tmp_path):
    store = people_store(tmp_path / "people")
    made = case(tmp_path, Told(), store=store)
    told, rows = made.generated_conditions(24), made.generated_rows(24)
    assert made.condition_names == NAMES
    assert shown(made.generated(24)) == told
    assert set(rows) <= set(store.positions("train"))
    assert len(set(rows)) > 10
    table = store.manifest.iloc[rows]
    for name, column in (("position_mm", "position_mm"), ("age", "age")):
        known = [each.get(name, np.nan) for each in told]
        assert np.array_equal(known, table[column], equal_nan=True)
    sexes = [each.get("sex") for each in told]
    assert sexes == [{"f": 0.0, "m": 1.0}.get(sex) for sex in table["sex"]]
    assert None in sexes
    assert made.generated_conditions(40)[:24] == told


def test_a_network_that_is_told_nothing_has_no_conditions(tmp_path):
    made = case(tmp_path, Replay(heads(range(4))))
    assert made.condition_names == ()
    assert made.generated_conditions(3) == [{}, {}, {}]
