"""Batches are a function of (seed, step), whoever prepares them."""

import subprocess
import sys
from itertools import islice

import numpy as np
import pytest
import torch

from damage import NAMES, recipe
from mrigen.data.augmentation import AugmentationConfig, augment, draw_augmentation
from mrigen.data.corruptions.batches import Item, corrupt, draw
from mrigen.data.loader import (
    TEST,
    TRAIN,
    Batch,
    SliceDataset,
    ordered_batches,
    training_batches,
)
from mrigen.errors import DataError
from mrigen.images import from_integers
from phantoms import slice_store

DAMAGE = recipe(
    {"name": "line_patch", "probability": 0.7},
    {"name": "one_of", "steps": [[{"name": name}] for name in NAMES]},
)


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return slice_store(tmp_path_factory.mktemp("store") / "discs", subjects=10)


MOVES = AugmentationConfig(flip=0.5, rotation_degrees=10, gamma=0.2, labelled=True)


def dataset(store, split=TRAIN, corruption=DAMAGE, seed=3, augmentation=None):
    return SliceDataset(store, split, corruption=corruption, seed=seed, augmentation=augmentation)


def first(batches, count):
    return list(islice(batches, count))


def same(left: Batch, right: Batch) -> bool:
    labels = (left.augmentation, right.augmentation)
    alike = labels == (None, None) if None in labels else torch.equal(*labels)
    return alike and all(
        torch.equal(getattr(left, part), getattr(right, part))
        for part in ("input", "target", "patch", "index")
    )


@pytest.mark.parametrize("augmentation", [None, MOVES])
@pytest.mark.parametrize("bits", [8, 16])
def test_slices_on_the_device_make_the_same_batches(bits, augmentation, tmp_path):
    discs = dataset(slice_store(tmp_path / "discs", bits=bits), augmentation=augmentation)
    streamed = first(training_batches(discs, batch_size=5, start_step=3), 12)
    resident = first(training_batches(discs, batch_size=5, start_step=3, resident="on"), 12)
    assert all(map(same, streamed, resident))


def test_input_and_target_move_together_and_the_label_says_how(store):
    moved = dataset(store, corruption=None, augmentation=MOVES)
    still = dataset(store, corruption=None)
    pairs = zip(
        first(training_batches(moved, batch_size=6), 9),
        first(training_batches(still, batch_size=6), 9),
        strict=True,
    )
    for epoch_step, (batch, plain) in enumerate(pairs):
        assert torch.equal(batch.index, plain.index)
        assert torch.equal(batch.input, batch.target)
        assert not torch.equal(batch.target, plain.target)
        epochs = [(epoch_step * 6 + place) // len(moved) for place in range(6)]
        items = [
            Item(3, TRAIN, epoch, row)
            for epoch, row in zip(epochs, batch.index.tolist(), strict=True)
        ]
        drawn = draw_augmentation(MOVES, items)
        assert torch.equal(batch.target, augment(plain.target, drawn))
        assert batch.augmentation is not None
        assert torch.equal(batch.augmentation, torch.from_numpy(drawn.labels).float())
        assert plain.augmentation is None


def test_damage_is_done_after_slices_were_moved(store):
    both, moved = (
        dataset(store, augmentation=MOVES),
        dataset(store, corruption=None, augmentation=MOVES),
    )
    damaged = next(training_batches(both, batch_size=8))
    clean = next(training_batches(moved, batch_size=8))
    assert torch.equal(damaged.target, clean.target)
    items = [Item(3, TRAIN, 0, row) for row in damaged.index.tolist()]
    expected = corrupt(clean.target, draw(DAMAGE, items, (store.size, store.size)))
    assert torch.equal(damaged.input, expected.images)


def test_a_label_is_given_only_where_it_is_asked_for(store):
    silent = MOVES.model_copy(update={"labelled": False})
    assert (
        next(training_batches(dataset(store, augmentation=silent), batch_size=2)).augmentation
        is None
    )


def test_a_slice_is_clean_without_corruption(store):
    for batch in ordered_batches(dataset(store, corruption=None), batch_size=5):
        assert torch.equal(batch.input, batch.target)
        assert torch.equal(batch.target[:, 0], from_integers(store.read(batch.index.numpy())))
        assert not batch.patch.any()


@pytest.mark.parametrize("workers", [1, 2])
def test_the_bytes_do_not_depend_on_how_many_processes_read(store, workers):
    alone = first(training_batches(dataset(store), batch_size=4), 12)
    helped = first(training_batches(dataset(store), batch_size=4, workers=workers), 12)
    assert all(map(same, alone, helped))


@pytest.mark.parametrize("start", [1, 7, 12])
def test_a_stream_goes_on_where_it_was_cut(store, start):
    whole = first(training_batches(dataset(store), batch_size=5), 15)
    rest = first(training_batches(dataset(store), batch_size=5, start_step=start), 15 - start)
    assert all(map(same, whole[start:], rest))


def test_an_item_does_not_depend_on_the_size_of_its_batch(store):
    large = first(training_batches(dataset(store), batch_size=12), 2)
    small = first(training_batches(dataset(store), batch_size=3), 8)
    for part in ("input", "target", "patch", "index"):
        left, right = (torch.cat([getattr(b, part) for b in group]) for group in (large, small))
        assert torch.equal(left, right)


def test_damage_is_drawn_from_seed_split_pass_and_row(store):
    slices = dataset(store)
    count = len(slices)
    batches = first(training_batches(slices, batch_size=count), 2)
    for epoch, batch in enumerate(batches):
        assert sorted(batch.index.tolist()) == sorted(slices.positions)
        items = [Item(3, TRAIN, epoch, row) for row in batch.index.tolist()]
        expected = corrupt(batch.target, draw(DAMAGE, items, (store.size, store.size)))
        assert torch.equal(batch.input, expected.images)
        assert torch.equal(batch.patch, expected.patch)
    assert not torch.equal(
        batches[0].input[batches[0].index.argsort()], batches[1].input[batches[1].index.argsort()]
    )


def test_evaluation_sees_the_same_damage_every_time(store):
    first_time, second_time = (
        list(ordered_batches(dataset(store, TEST), batch_size=3)) for _ in range(2)
    )
    assert all(map(same, first_time, second_time))
    other = list(ordered_batches(dataset(store, TEST, seed=4), batch_size=3))
    assert not torch.equal(first_time[0].input, other[0].input)


@pytest.mark.parametrize("limit", [1, 3, 7, 10_000])
def test_a_limit_takes_slices_over_the_whole_split(store, limit):
    slices = dataset(store)
    rows = torch.cat([b.index for b in ordered_batches(slices, batch_size=4, limit=limit)])
    assert len(rows) == min(limit, len(slices))
    assert rows.unique().numel() == len(rows)
    if limit > 1:
        assert rows[[0, -1]].tolist() == slices.positions[[0, -1]].tolist()


def test_images_are_in_the_convention(store):
    batch = next(training_batches(dataset(store), batch_size=6))
    for images in (batch.input, batch.target):
        assert images.shape == (6, 1, store.size, store.size)
        assert images.dtype == torch.float32
        assert 0 <= images.min() <= images.max() <= 1
    assert batch.patch.dtype == torch.bool
    assert batch.index.dtype == torch.int64


def test_sixteen_bits_are_read_in_full(tmp_path):
    fine = slice_store(tmp_path / "fine", bits=16)
    batch = next(ordered_batches(dataset(fine, corruption=None), batch_size=2))
    levels = np.rint(batch.target[:, 0].double().numpy() * 65535)
    assert np.array_equal(levels, fine.read(batch.index.numpy()))


def test_an_empty_split_is_refused(tmp_path):
    store = slice_store(tmp_path / "discs", split={"train": 0.5, "validation": 0, "test": 0.5})
    with pytest.raises(DataError, match="no slices in its validation split: give"):
        dataset(store, "validation")


def test_training_needs_neither_the_readers_of_volumes_nor_those_who_keep_records(
    quiet_environment,
):
    missing = ("nibabel", "mlflow", "dvc", "deepbet", "isal", "h5py", "sklearn", "fastapi")
    code = (
        f"import sys; sys.modules.update(dict.fromkeys({missing}))\n"
        "import mrigen.data.loader, mrigen.training.loop, mrigen.models.build\n"
        "import mrigen.objectives.build, mrigen.evaluation.restoration.scores\n"
    )
    run = [sys.executable, "-c", code]
    ended = subprocess.run(run, capture_output=True, text=True, check=False, env=quiet_environment)
    assert ended.returncode == 0, ended.stderr
