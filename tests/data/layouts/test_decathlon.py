import json
import os

import pytest

import phantoms
from mrigen.data.sources import SourceConfig, find_scans
from mrigen.errors import DataError

DECATHLON = SourceConfig(layout="decathlon", path="data/Task01")


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


def test_a_dataset_json_that_is_no_file_is_not_waited_for(tmp_path):
    (tmp_path / "data/Task01").mkdir(parents=True)
    os.mkfifo(tmp_path / "data/Task01/dataset.json")
    with pytest.raises(DataError, match=r"'dataset.json' is not an ordinary file"):
        find_scans(tmp_path, "tumours", DECATHLON)


def test_cases_for_testing_are_taken_without_labels_where_that_is_asked_for(tmp_path):
    phantoms.write_decathlon(tmp_path / "data/Task01", subjects=3, shape=(6, 7, 8))
    first, *others = [f"./imagesTr/BRATS_{number:03d}.nii.gz" for number in (1, 2, 3)]
    describe_dataset(
        tmp_path, training=[{"image": first}], test=[*others, {"image": first}, "../x.nii.gz"]
    )
    found = find_scans(tmp_path, "tumours", DECATHLON)
    assert {scan.subject for scan in found.scans} == {"tumours/BRATS_001"}
    assert "4 cases under 'test' of dataset.json are not read" in found.notes[0]
    every = DECATHLON.model_copy(update={"unlabelled": True})
    found = find_scans(tmp_path, "tumours", every)
    assert len({scan.subject for scan in found.scans}) == 3
    assert [scan.label_path for scan in found.scans] == [None] * 12
    reasons = " ".join(entry.reason for entry in found.left_out)
    assert "'imagesTr/BRATS_001.nii.gz' more than once" in reasons
    assert "names '../x.nii.gz', which leads out of its folder" in reasons


def test_a_label_out_of_the_project_leaves_its_case_out(tmp_path):
    root = tmp_path / "project"
    phantoms.write_decathlon(root / "data/Task01", subjects=2, shape=(6, 7, 8))
    label = root / "data/Task01/labelsTr/BRATS_002.nii.gz"
    label.rename(tmp_path / "label.nii.gz")
    label.symlink_to(tmp_path / "label.nii.gz")
    found = find_scans(root, "tumours", DECATHLON)
    assert {scan.subject for scan in found.scans} == {"tumours/BRATS_001"}
    assert "is a symbolic link out of the cohort" in found.left_out[0].reason
