"""Batches say what is known of their slices, whoever prepares them and whatever is done to them."""

from itertools import islice

import numpy as np
import pytest
import torch

from damage import recipe
from mrigen.data.augmentation import AugmentationConfig
from mrigen.data.covariates import read_covariates
from mrigen.data.loader import TEST, TRAIN, SliceDataset, ordered_batches, training_batches
from told_people import CONDITIONS, NAMES, people_store

MOVES = AugmentationConfig(flip=0.5, rotation_degrees=10, translation=0.1, labelled=True)


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return people_store(tmp_path_factory.mktemp("store") / "people")


def dataset(store, split=TRAIN, **options):
    values = {"corruption": None, "seed": 3, "covariates": CONDITIONS}
    return SliceDataset(store, split, **(values | options))


def told(batches, count):
    return [torch.stack([*batch.conditions.values()]) for batch in islice(batches, count)]


def same(left, right):
    pairs = zip(left, right, strict=True)
    return all(torch.equal(a.nan_to_num(-1e3), b.nan_to_num(-1e3)) for a, b in pairs)


@pytest.mark.parametrize("resident", ["on", "off"])
def test_batches_say_what_the_manifest_knows_of_their_slices(store, resident):
    known = read_covariates(store.manifest, CONDITIONS)
    batches = [
        *islice(training_batches(dataset(store), batch_size=5, resident=resident), 12),
        *ordered_batches(dataset(store, TEST), batch_size=5),
    ]
    for batch in batches:
        assert tuple(batch.conditions) == NAMES
        for name, values in batch.conditions.items():
            assert values.dtype == torch.float32
            assert np.array_equal(values, known[name][batch.index], equal_nan=True)
    ages = torch.cat([batch.conditions["age"] for batch in batches])
    assert ages.isnan().any()
    assert ages.isfinite().any()


@pytest.mark.parametrize("change", [{"workers": 1}, {"resident": "on"}])
def test_they_do_not_depend_on_who_reads(store, change):
    alone = told(training_batches(dataset(store), batch_size=4), 8)
    assert same(alone, told(training_batches(dataset(store), batch_size=4, **change), 8))


def test_a_stream_goes_on_with_them_where_it_was_cut(store):
    whole = told(training_batches(dataset(store), batch_size=5), 12)
    rest = told(training_batches(dataset(store), batch_size=5, start_step=7), 5)
    assert same(whole[7:], rest)


def test_moving_and_damaging_slices_does_not_change_them(store):
    damage = recipe({"name": "gaussian_noise", "std": 0.1})
    changed = dataset(store, augmentation=MOVES, corruption=damage)
    streams = [training_batches(each, batch_size=6) for each in (dataset(store), changed)]
    plain, moved = (list(islice(stream, 8)) for stream in streams)
    for left, right in zip(plain, moved, strict=True):
        assert torch.equal(left.index, right.index)
        assert not torch.equal(left.input, right.input)
        assert same(left.conditions.values(), right.conditions.values())


def test_a_network_without_conditions_sees_the_same_slices_and_is_told_nothing(store):
    streams = [
        training_batches(dataset(store, augmentation=MOVES, **options), batch_size=6)
        for options in ({}, {"covariates": ()})
    ]
    for with_them, without in zip(*(islice(stream, 6) for stream in streams), strict=True):
        assert without.conditions is None
        for part in ("input", "target", "patch", "index", "augmentation"):
            assert torch.equal(getattr(with_them, part), getattr(without, part))


def test_a_batch_takes_them_to_another_device(store):
    batch = next(ordered_batches(dataset(store), batch_size=3)).to(torch.device("meta"))
    assert {values.device.type for values in batch.conditions.values()} == {"meta"}
