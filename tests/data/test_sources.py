import json

import numpy as np
import pytest

import phantoms
from mrigen.config import parse_config
from mrigen.data.sources import SourceConfig, find_scans, read_scans, write_scans
from mrigen.errors import ConfigError, DataError

IXI = SourceConfig(layout="ixi", path="data/ixi")
DECATHLON = SourceConfig(layout="decathlon", path="data/Task01")


def test_the_ixi_layout(tmp_path):
    phantoms.write_ixi(tmp_path / "data/ixi", subjects=3)
    scans, left_out, notes = find_scans(tmp_path, "heads", IXI)
    assert left_out == []
    assert [scan.subject for scan in scans] == ["heads/IXI001", "heads/IXI002", "heads/IXI003"]
    first = scans[0]
    assert first.path == "data/ixi/IXI-T1/IXI001-HH-1001-T1.nii.gz"
    assert (first.modality, first.channel, first.site) == ("T1w", None, "HH")
    assert (first.age, first.sex, first.ethnicity) == (21.5, "f", "White")
    assert notes == []


def test_files_may_lie_in_the_folder_itself_and_bear_another_prefix(tmp_path):
    phantoms.write_volume(tmp_path / "data/ixi/demo7-HH-0001-T1.nii", phantoms.head())
    scans, _, notes = find_scans(tmp_path, "demo", IXI)
    assert [scan.subject for scan in scans] == ["demo/DEMO007"]
    assert notes == [
        "no IXI.csv or IXI.xls: age and sex are unknown",
        "age is unknown for 1 of 1 subjects",
        "sex is unknown for 1 of 1 subjects",
    ]


def test_a_person_scanned_twice_is_one_subject(tmp_path):
    folder = tmp_path / "data/ixi"
    for name in ("IXI012-HH-1211-T1", "IXI12-Guys-2000-T1"):
        phantoms.write_volume(folder / f"{name}.nii.gz", phantoms.head())
    scans, _, notes = find_scans(tmp_path, "ixi", IXI)
    assert {scan.subject for scan in scans} == {"ixi/IXI012"}
    assert "1 subjects have more than one file" in notes[-1]


def test_mixed_prefixes_take_nothing_from_the_table(tmp_path):
    phantoms.write_ixi(tmp_path / "data/ixi", subjects=1)
    phantoms.write_ixi(tmp_path / "data/ixi", subjects=1, prefix="DEMO")
    scans, _, notes = find_scans(tmp_path, "ixi", IXI)
    assert {scan.subject for scan in scans} == {"ixi/IXI001", "ixi/DEMO001"}
    assert {scan.age for scan in scans} == {None}
    assert "names start with DEMO and IXI" in notes[0]


def test_files_that_cannot_be_used_are_left_out_with_a_reason(tmp_path):
    folder = tmp_path / "data/ixi"
    good, cut, *_ = phantoms.write_ixi(folder, subjects=2)
    phantoms.truncate(cut, 0.001)
    place = folder / "IXI-T1"
    phantoms.write_huge(place / "IXI007-HH-1-T1.nii.gz")
    phantoms.write_volume(place / "brain.nii.gz", phantoms.head())
    phantoms.write_volume(place / "IXI008-HH-1-T1.nii.gz", np.zeros((8, 8, 1)))
    phantoms.write_volume(place / "IXI009-HH-1-T1.nii.gz", np.zeros((8, 8, 8, 2)))
    (place / "._IXI001-HH-1001-T1.nii.gz").write_bytes(b"Mac OS X")
    scans, left_out, _notes = find_scans(tmp_path, "ixi", IXI)
    assert [scan.path for scan in scans] == [good.relative_to(tmp_path).as_posix()]
    reasons = {entry.path.rpartition("/")[2][:6]: entry.reason for entry in left_out}
    assert "cannot be read" in reasons["IXI002"]
    assert "declares 27000000000000 voxels" in reasons["IXI007"]
    assert "expected three dimensions" in reasons["IXI008"]
    assert "has four dimensions" in reasons["IXI009"]
    assert "not named like the IXI release" in reasons["brain."]
    assert len(reasons) == 5


def test_a_damaged_table_is_left_out_and_the_scans_go_on(tmp_path):
    phantoms.write_ixi(tmp_path / "data/ixi", subjects=2)
    (tmp_path / "data/ixi/IXI.csv").write_text("nothing\n")
    scans, left_out, notes = find_scans(tmp_path, "ixi", IXI)
    assert len(scans) == 2
    assert scans[0].age is None
    assert "table 'IXI.csv' has no rows" in left_out[0].reason
    assert "the table cannot be read" in notes[0]


def test_the_decathlon_layout(tmp_path):
    phantoms.write_decathlon(tmp_path / "data/Task01", subjects=2)
    scans, left_out, _notes = find_scans(tmp_path, "tumours", DECATHLON)
    assert left_out == []
    assert [scan.modality for scan in scans[:4]] == ["FLAIR", "T1w", "T1Gd", "T2w"]
    assert [scan.channel for scan in scans[:4]] == [0, 1, 2, 3]
    assert {scan.subject for scan in scans} == {"tumours/BRATS_001", "tumours/BRATS_002"}
    assert scans[0].path == "data/Task01/imagesTr/BRATS_001.nii.gz"
    assert scans[0].label_path == "data/Task01/labelsTr/BRATS_001.nii.gz"


def test_missing_labels_are_noted(tmp_path):
    phantoms.write_decathlon(tmp_path / "data/Task01", subjects=2)
    (tmp_path / "data/Task01/labelsTr/BRATS_002.nii.gz").unlink()
    scans, _, notes = find_scans(tmp_path, "tumours", DECATHLON)
    assert [scan.label_path is None for scan in scans] == [False] * 4 + [True] * 4
    assert "1 of 2 files have no label map" in notes


def describe_dataset(tmp_path, **changes):
    path = tmp_path / "data/Task01/dataset.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


@pytest.mark.parametrize("image", ["../../secret.nii.gz", "/etc/secret.nii.gz", "a/../../b.nii.gz"])
def test_dataset_json_cannot_lead_out_of_its_folder(tmp_path, image):
    phantoms.write_decathlon(tmp_path / "data/Task01", subjects=1)
    good = {"image": "imagesTr/BRATS_001.nii.gz"}
    describe_dataset(tmp_path, training=[good, {"image": image}, {**good, "label": image}])
    scans, left_out, _notes = find_scans(tmp_path, "tumours", DECATHLON)
    assert len(scans) == 4
    assert any("leads out of its folder" in entry.reason for entry in left_out)


def test_cases_that_cannot_be_used_are_left_out_with_a_reason(tmp_path):
    folder = tmp_path / "data/Task01"
    phantoms.write_decathlon(folder, subjects=1)
    phantoms.write_volume(folder / "imagesTr/three.nii.gz", phantoms.head())
    names = ("BRATS_001.nii.gz", "./BRATS_001.nii.gz", "three.nii.gz", "gone.nii.gz", "a b.png")
    describe_dataset(tmp_path, training=[{"image": f"imagesTr/{name}"} for name in names])
    scans, left_out, _notes = find_scans(tmp_path, "tumours", DECATHLON)
    assert len(scans) == 4
    reasons = " ".join(entry.reason for entry in left_out)
    assert "more than once" in reasons
    assert "has 1 channels: expected 4" in reasons
    assert "No such file" in reasons
    assert "expected a .nii.gz file" in reasons


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"modality": {"0": "CT"}}, "calls channel 0 'CT': expected FLAIR"),
        ({"modality": {"1": "T1w"}}, "calls channel 0 ''"),
        ({"modality": []}, "dataset.json: 'modality' is"),
        ({"training": [{"label": "a"}]}, "'training.0.image' is missing"),
    ],
)
def test_a_dataset_json_that_makes_no_sense_is_a_data_error(tmp_path, changes, words):
    phantoms.write_decathlon(tmp_path / "data/Task01", subjects=1)
    describe_dataset(tmp_path, **changes)
    with pytest.raises(DataError, match=words):
        find_scans(tmp_path, "tumours", DECATHLON)


def test_missing_or_unreadable_places_are_data_errors(tmp_path):
    with pytest.raises(DataError, match="source 'ixi' lies in 'data/ixi', which is not a folder"):
        find_scans(tmp_path, "ixi", IXI)
    folder = tmp_path / "data/Task01"
    folder.mkdir(parents=True)
    with pytest.raises(DataError, match=r"'Task01/dataset\.json' does not exist"):
        find_scans(tmp_path, "tumours", DECATHLON)
    (folder / "dataset.json").write_text("{")
    with pytest.raises(DataError, match="not readable JSON"):
        find_scans(tmp_path, "tumours", DECATHLON)


@pytest.mark.parametrize("path", ["/data", "../data", "data/../../x", ""])
def test_a_source_lies_inside_the_project(path):
    with pytest.raises(ConfigError, match="'path' is"):
        parse_config(SourceConfig, {"layout": "ixi", "path": path}, source="params.yaml")


def test_the_index_reads_back_as_written(tmp_path):
    phantoms.write_ixi(tmp_path / "data/ixi", subjects=2, table=False)
    phantoms.write_decathlon(tmp_path / "data/Task01", subjects=1)
    scans = find_scans(tmp_path, "a", IXI)[0] + find_scans(tmp_path, "b", DECATHLON)[0]
    write_scans(tmp_path / "scans.parquet", scans)
    assert read_scans(tmp_path / "scans.parquet") == scans


def test_a_missing_or_damaged_index_says_what_to_run(tmp_path):
    with pytest.raises(DataError, match="does not exist: run 'mrigen index'"):
        read_scans(tmp_path / "scans.parquet")
    (tmp_path / "scans.parquet").write_bytes(b"PAR1 not really")
    with pytest.raises(DataError, match="run 'mrigen index'"):
        read_scans(tmp_path / "scans.parquet")
