import json
import pickle

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import phantoms
from mrigen.data import shards
from mrigen.data.dataset import DatasetConfig
from mrigen.data.manifest import MANIFEST_SCHEMA, write_manifest
from mrigen.data.scans import LeftOut
from mrigen.data.splits import SplitConfig
from mrigen.data.store import SliceStore, write_store
from mrigen.errors import DataError


def files_of(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture
def small_shards(monkeypatch):
    monkeypatch.setattr(shards, "SHARD_SLICES", 7)


@pytest.fixture(scope="module")
def sharded(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shards, "SHARD_SLICES", 7)
        return phantoms.slice_store(tmp_path_factory.mktemp("store") / "heads", subjects=9)


def test_a_store_tells_its_shape_and_splits(tmp_path):
    store = phantoms.slice_store(tmp_path / "heads", subjects=10, slices=3)
    assert (len(store), store.size, store.bits) == (30, 32, 8)
    assert list(store.manifest.columns) == MANIFEST_SCHEMA.names
    assert [len(store.positions(split)) for split in ("train", "validation", "test")] == [24, 3, 3]
    assert store.manifest.groupby("subject")["split"].nunique().max() == 1
    assert sorted(files_of(store.path)) == [
        "contact_sheet.png",
        "manifest.parquet",
        "slices-000.npy",
        "summary.json",
    ]


def test_the_summary_tells_what_a_reader_wants_to_know(tmp_path):
    store = phantoms.slice_store(tmp_path / "heads", subjects=10, slices=3)
    summary = json.loads((store.path / "summary.json").read_text())
    assert summary["splits"]["train"] == {"slices": 24, "subjects": 8}
    assert summary["orientation"].startswith("radiological: row 0 is anterior")
    assert summary["fingerprint"] == store.fingerprint
    assert summary["pixel_width_mm"] == {"min": 4.0, "max": 4.0}
    assert summary["config"]["size"] == 32
    assert summary["left_out"] == []


def test_the_same_slices_give_the_same_bytes(tmp_path):
    first = phantoms.slice_store(tmp_path / "a" / "heads")
    second = phantoms.slice_store(tmp_path / "b" / "heads")
    assert files_of(first.path) == files_of(second.path)
    other = phantoms.slice_store(tmp_path / "c" / "heads", split=SplitConfig(seed=1))
    assert other.fingerprint != first.fingerprint


def test_shards_are_cut_wherever_a_scan_ends(sharded):
    names = sorted(path.name for path in sharded.path.glob("*.npy"))
    assert names == [f"slices-{shard:03d}.npy" for shard in range(6)]
    assert [len(np.load(sharded.path / name)) for name in names] == [7, 7, 7, 7, 7, 1]


@settings(deadline=None)
@given(rows=st.lists(st.integers(0, 35), max_size=40))
def test_any_rows_are_read_in_the_order_asked_for(sharded, rows):
    whole = np.concatenate([np.load(path) for path in sorted(sharded.path.glob("*.npy"))])
    np.testing.assert_array_equal(sharded.read(rows), whole[np.array(rows, int)])


@pytest.mark.parametrize("rows", [[-1], [36], [0, 99]])
def test_rows_outside_the_store_are_an_error(sharded, rows):
    with pytest.raises(IndexError, match="of a store of 36 slices"):
        sharded.read(rows)


def test_sixteen_bits(tmp_path):
    store = phantoms.slice_store(tmp_path / "heads", bits=16)
    assert store.read([0]).dtype == np.uint16
    assert store.read([0]).max() > 255


def test_a_store_travels_to_other_processes_as_its_path(sharded):
    data = pickle.dumps(sharded)
    assert len(data) < 1000
    np.testing.assert_array_equal(pickle.loads(data).read([35, 0]), sharded.read([35, 0]))


def test_a_changed_pixel_is_found(tmp_path):
    store = phantoms.slice_store(tmp_path / "heads")
    store.verify()
    path = store.path / "slices-000.npy"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(bytes(data))
    with pytest.raises(DataError, match="was changed after it was made: run 'mrigen slices heads'"):
        SliceStore(store.path).verify()


def break_missing_shard(folder):
    (folder / "slices-000.npy").unlink()


def break_shape(folder):
    np.save(folder / "slices-000.npy", np.zeros((32, 16, 16), np.uint8))


def break_type(folder):
    np.save(folder / "slices-000.npy", np.zeros((32, 32, 32), np.float32))


def break_count(folder):
    np.save(folder / "slices-000.npy", np.zeros((31, 32, 32), np.uint8))


def break_shard(folder):
    phantoms.truncate(folder / "slices-000.npy")


def break_summary(folder):
    (folder / "summary.json").write_text("{}")


def break_manifest(folder):
    phantoms.truncate(folder / "manifest.parquet")


def break_split(folder):
    manifest = pd.read_parquet(folder / "manifest.parquet")
    manifest.loc[0, "split"] = "validation"
    rows = manifest.astype(object).where(manifest.notna(), None).to_dict("records")
    write_manifest(folder / "manifest.parquet", rows)


def break_membership(folder):
    manifest = pd.read_parquet(folder / "manifest.parquet")
    moved = manifest.loc[manifest["split"] == "test", "subject"].iloc[0]
    manifest.loc[manifest["subject"] == moved, "split"] = "train"
    rows = manifest.astype(object).where(manifest.notna(), None).to_dict("records")
    write_manifest(folder / "manifest.parquet", rows)


def break_columns(folder):
    pd.DataFrame({"subject": ["a"]}).to_parquet(folder / "manifest.parquet")


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (break_missing_shard, r"has no readable 'slices-000\.npy'"),
        (break_shape, r"expected uint8 of shape \(N, 32, 32\)"),
        (break_type, "holds float32"),
        (break_count, "has 31 slices and a manifest of 32 rows"),
        (break_shard, r"has no readable 'slices-000\.npy'"),
        (break_summary, "is damaged"),
        (break_manifest, "is not a readable table"),
        (break_split, r"subject 'phantoms/IXI000' is in the splits train and validation"),
        (break_membership, "the manifest of slice store 'heads' was changed.* 'mrigen slices he"),
        (break_columns, "has the columns subject: expected subject, source"),
    ],
)
def test_a_damaged_store_says_what_is_wrong(tmp_path, damage, words):
    store = phantoms.slice_store(tmp_path / "heads")
    damage(store.path)
    with pytest.raises(DataError, match=words):
        SliceStore(store.path)


def test_a_folder_that_is_no_store_says_what_to_run(tmp_path):
    with pytest.raises(DataError, match="is not a slice store: run 'mrigen slices heads'"):
        SliceStore(tmp_path / "heads")


def test_nothing_to_write_is_a_data_error(tmp_path):
    entries = [LeftOut("a.nii.gz", "scan 'a.nii.gz' is 0 everywhere.")]
    config = DatasetConfig(source="ixi")
    with pytest.raises(DataError, match="all 1 files were left out, the first because scan 'a"):
        write_store(tmp_path / "heads", [], config=config, left_out=entries)
    assert list(tmp_path.iterdir()) == []


def test_too_few_subjects_leave_nothing(tmp_path):
    with pytest.raises(DataError, match="2 subjects cannot fill the splits"):
        phantoms.slice_store(tmp_path / "heads", subjects=2)
    assert list(tmp_path.iterdir()) == []


def test_a_failing_run_leaves_the_store_that_was_there(tmp_path, small_shards):
    before = files_of(phantoms.slice_store(tmp_path / "heads").path)

    def interrupted():
        yield from phantoms.disc_scans(subjects=3)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_store(tmp_path / "heads", interrupted(), config=DatasetConfig(source="a", size=32))
    assert files_of(tmp_path / "heads") == before
    assert [path.name for path in tmp_path.iterdir()] == ["heads"]
