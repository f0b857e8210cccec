import json
import pickle
from dataclasses import replace

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import phantoms
from mrigen.data.scans import LeftOut
from mrigen.data.slicing.dataset import DatasetConfig
from mrigen.data.splits.config import SplitConfig
from mrigen.data.store import shards
from mrigen.data.store.grids import write_grids
from mrigen.data.store.manifest import MANIFEST_SCHEMA, write_manifest
from mrigen.data.store.slice_store import SliceStore
from mrigen.data.store.writing import write_store
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
        "grids.parquet",
        "manifest.parquet",
        "slices-000.npy",
        "summary.json",
    ]


def test_the_summary_tells_what_a_reader_wants_to_know(tmp_path):
    store = phantoms.slice_store(tmp_path / "heads", subjects=10, slices=3)
    summary = json.loads((store.path / "summary.json").read_text())
    assert summary["splits"]["train"] == {"slices": 24, "subjects": 8}
    assert summary["orientation"].startswith("axial, radiological: row 0 is anterior")
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


@pytest.mark.parametrize("name", ["slices-000.npy", "labels-000.npy"])
def test_a_changed_pixel_is_found(tmp_path, name):
    store = phantoms.slice_store(tmp_path / "heads", labels=True)
    store.verify()
    path = store.path / name
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(bytes(data))
    with pytest.raises(DataError, match="was changed after it was made: run 'mrigen slices heads'"):
        SliceStore(store.path).verify()


def test_labels_are_cut_and_read_as_the_slices_are(tmp_path, small_shards):
    store = phantoms.slice_store(tmp_path / "heads", subjects=5, labels=True)
    counts = [len(np.load(path)) for path in sorted(store.path.glob("labels-*.npy"))]
    assert counts == [7, 7, 6]
    labels = np.concatenate([scan.labels for scan in phantoms.disc_scans(subjects=5)])
    rows = [19, 0, 7, 7, 13]
    assert store.has_labels
    np.testing.assert_array_equal(store.read_labels(rows), labels[rows])
    assert store.read_labels([0]).dtype == np.uint8
    assert np.median(store.read([0])[store.read_labels([0]) == 3]) > 150


def test_labels_are_part_of_the_fingerprint(tmp_path):
    stores = [
        phantoms.slice_store(tmp_path / str(labels), labels=labels) for labels in (False, True)
    ]
    assert stores[0].fingerprint != stores[1].fingerprint
    assert not list(stores[0].path.glob("labels-*"))


def test_a_store_without_labels_says_how_to_get_them(tmp_path):
    store = phantoms.slice_store(tmp_path / "heads")
    assert not store.has_labels
    with pytest.raises(DataError, match=r"'heads' keeps no labels: expected .*'labels: true'"):
        store.read_labels([0])


def test_a_scan_without_labels_is_left_out_where_labels_are_kept(tmp_path):
    scans = phantoms.disc_scans(subjects=4)
    scans[1] = scans[1]._replace(labels=None)
    config = DatasetConfig(source="phantoms", size=32, labels=True)
    left_out = []
    store = write_store(tmp_path / "heads", scans, config=config, left_out=left_out)
    assert [entry.path for entry in left_out] == ["data/phantoms/IXI001.nii.gz"]
    assert "'IXI001.nii.gz' has no label map" in left_out[0].reason
    assert json.loads((store.path / "summary.json").read_text())["left_out"] == [
        {"path": entry.path, "reason": entry.reason} for entry in left_out
    ]
    assert "phantoms/IXI001" not in set(store.manifest["subject"])


def test_the_grids_tell_where_each_scan_lies(tmp_path):
    scans = phantoms.disc_scans(subjects=4)
    scans[2] = scans[2]._replace(grid=scans[2].grid._replace(black=None, white=None))
    scans[3] = scans[3]._replace(grid=None)  # as pictures have none
    config = DatasetConfig(source="phantoms", size=32)
    grids = write_store(tmp_path / "heads", scans, config=config).grids
    assert grids["path"].tolist() == [f"data/phantoms/IXI00{number}.nii.gz" for number in range(3)]
    np.testing.assert_array_equal(grids["affine"][1].reshape(4, 4), scans[1].grid.affine)
    assert grids["white"].tolist()[:2] == [1000, 1001]
    assert grids["black"].isna().tolist() == [False, False, True]


def test_pictures_have_the_orientation_they_came_with(tmp_path):
    scans = [scan._replace(grid=None) for scan in phantoms.disc_scans(subjects=3)]
    store = write_store(tmp_path / "heads", scans, config=DatasetConfig(source="phantoms", size=32))
    assert store.grids.empty
    summary = json.loads((store.path / "summary.json").read_text())
    assert summary["orientation"] == "as the picture files show it"


def rename(scan, subject, path):
    records = [replace(record, subject=subject, path=path) for record in scan.records]
    return scan._replace(records=records)


def test_a_head_under_two_names_is_used_once(tmp_path):
    scans = phantoms.disc_scans(subjects=5)
    scans.insert(3, rename(scans[1], "phantoms/IXI900", "data/phantoms/IXI900.nii.gz"))
    config = DatasetConfig(source="phantoms", size=32)
    left_out = []
    store = write_store(tmp_path / "heads", scans, config=config, left_out=left_out)
    assert len(store) == 20
    assert "phantoms/IXI900" not in set(store.manifest["subject"])
    (entry,) = left_out
    for words in ("'IXI900.nii.gz'", "'phantoms/IXI900'", "'IXI001.nii.gz'", "'phantoms/IXI001'"):
        assert words in entry.reason


def test_a_second_copy_of_one_subject_is_left_out_too(tmp_path):
    scans = phantoms.disc_scans(subjects=3)
    scans.append(rename(scans[0], "phantoms/IXI000", "data/phantoms/copy.nii.gz"))
    left_out = []
    write_store(
        tmp_path / "heads",
        scans,
        config=DatasetConfig(source="phantoms", size=32),
        left_out=left_out,
    )
    assert "'copy.nii.gz' gives the same pictures as 'IXI000.nii.gz' of the same" in (
        left_out[0].reason
    )


def test_a_copy_of_other_slices_is_left_out_too(tmp_path):
    scans = phantoms.disc_scans(subjects=5)
    copy = rename(scans[1], "phantoms/IXI900", "data/phantoms/IXI900.nii.gz")
    scans.append(copy._replace(pixels=copy.pixels[3:], records=copy.records[3:]))
    config = DatasetConfig(source="phantoms", size=32)
    store = write_store(tmp_path / "heads", scans, config=config)
    assert "phantoms/IXI900" not in set(store.manifest["subject"])


def test_channels_of_a_file_and_blank_pictures_are_no_copies(tmp_path):
    scans = phantoms.disc_scans(subjects=3)
    scans.append(scans[0])
    blank = [scan._replace(pixels=np.zeros_like(scan.pixels)) for scan in scans[:2]]
    scans += [
        rename(scan, f"phantoms/P{number}", f"{number}.png") for number, scan in enumerate(blank)
    ]
    left_out = []
    config = DatasetConfig(source="phantoms", size=32)
    assert len(write_store(tmp_path / "a", scans, config=config, left_out=left_out)) == 24
    assert left_out == []


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


def break_grids(folder):
    grids = pd.read_parquet(folder / "grids.parquet")
    grids["white"] += 1
    rows = grids.astype(object).where(grids.notna(), None).to_dict("records")
    write_grids(folder / "grids.parquet", rows)


def break_labels(folder):
    np.save(folder / "labels-000.npy", np.zeros((31, 32, 32), np.uint8))


def break_grids_away(folder):
    (folder / "grids.parquet").unlink()


def break_columns(folder):
    pd.DataFrame({"subject": ["a"]}).to_parquet(folder / "manifest.parquet")


def break_affine(folder):
    rows = pq.read_table(folder / "grids.parquet").to_pylist()
    write_grids(folder / "grids.parquet", [{**row, "affine": [1.0] * 15} for row in rows])


def set_in_summary(**changes):
    def damage(folder):
        summary = json.loads((folder / "summary.json").read_text())
        (folder / "summary.json").write_text(json.dumps(summary | changes))

    return damage


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
        (
            break_membership,
            "the table 'manifest.parquet' of slice store 'heads' was changed.* 'mrigen slices he",
        ),
        (break_grids, "the table 'grids.parquet' of slice store 'heads' was changed"),
        (break_labels, "has 31 slices and a manifest of 32 rows"),
        (break_grids_away, "grids.parquet' does not exist: run 'mrigen slices heads'"),
        (break_columns, "has the columns subject: expected subject, source"),
        (break_affine, "has an affine that is not 16 finite numbers"),
        (set_in_summary(sha256={}), "is damaged"),
        (set_in_summary(sha256={"gone.parquet": "0"}), "is damaged"),
        (set_in_summary(shards=["../other/slices-000.npy"]), "is damaged"),
    ],
)
def test_a_damaged_store_says_what_is_wrong(tmp_path, damage, words):
    store = phantoms.slice_store(tmp_path / "heads", labels=True)
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
