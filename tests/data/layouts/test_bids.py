import numpy as np
import pytest

import phantoms
import small_cohorts
from mrigen.data.sources import SourceConfig, find_scans
from mrigen.errors import DataError

BIDS = SourceConfig(layout="bids", path="data")
ROWS = [
    "participant_id\tage\tsex\tsite\tethnicity",
    "sub-01\t30\tM\tLeuven\tn/a",
    "sub-02\t89+\tfemale\tn/a\tRoma",
    "sub-09\t50\tF\tGent\tn/a",
]


def find(root):
    return find_scans(root, "cohort", BIDS)


def test_subjects_and_what_is_known_of_them(tmp_path):
    small_cohorts.write_bids(tmp_path / "data", rows=ROWS)
    scans, left_out, notes = find(tmp_path)
    assert left_out == []
    assert [scan.subject for scan in scans] == ["cohort/01", "cohort/02", "cohort/03"]
    assert scans[0].path == "data/sub-01/anat/sub-01_T1w.nii.gz"
    assert (scans[0].age, scans[0].sex, scans[0].site) == (30.0, "m", "Leuven")
    assert (scans[1].age, scans[1].sex, scans[1].ethnicity) == (89.0, "f", "Roma")
    assert (scans[0].modality, scans[0].channel, scans[0].plane) == ("T1w", None, None)
    assert notes == [
        "1 of 3 subjects have no row in participants.tsv and are unknown: 03",
        "age is unknown for 1 of 3 subjects: 03",
        "sex is unknown for 1 of 3 subjects: 03",
    ]


def test_sessions_are_scans_of_one_subject(tmp_path):
    small_cohorts.write_bids(tmp_path / "data", labels=["A"], sessions=["1", "2"])
    found = find(tmp_path)
    assert [scan.path for scan in found.scans] == [
        "data/sub-A/ses-1/anat/sub-A_ses-1_T1w.nii.gz",
        "data/sub-A/ses-2/anat/sub-A_ses-2_T1w.nii.gz",
    ]
    assert {scan.subject for scan in found.scans} == {"cohort/A"}
    assert "1 subjects have more than one file; each stays in one split: A" in found.notes


def test_the_suffix_and_the_contrast_agent_are_the_modality(tmp_path):
    suffixes = [
        "T1w", "T2w", "FLAIR", "PDw", "acq-mprage_run-2_T1w", "ce-gadolinium_T1w",
        "bold", "T1map", "defacemask", "part-mag_T2w",
    ]  # fmt: skip
    small_cohorts.write_bids(tmp_path / "data", labels=["01"], suffixes=suffixes)
    found = find(tmp_path)
    kinds = {scan.path.partition("_")[2][:-7]: scan.modality for scan in found.scans}
    assert kinds == {
        "T1w": "T1w",
        "T2w": "T2w",
        "FLAIR": "FLAIR",
        "PDw": "PDw",
        "acq-mprage_run-2_T1w": "T1w",
        "ce-gadolinium_T1w": "T1Gd",
        "part-mag_T2w": "T2w",
    }
    assert found.left_out == []


def test_derived_and_source_data_are_not_read(tmp_path):
    folder = tmp_path / "data"
    small_cohorts.write_bids(folder, labels=["01"])
    for place in ("derivatives", "sourcedata", "code"):
        small_cohorts.write_bids(folder / place, labels=["02"])
    small_cohorts.small_head(folder / "sub-01/func/sub-01_T1w.nii.gz")
    small_cohorts.small_head(folder / "sub-01/anat/deeper/sub-01_T1w.nii.gz")
    (folder / "sub-01/anat/._sub-01_T1w.nii.gz").write_bytes(b"Mac OS X")
    (folder / "sub-01_T1w.nii.gz").write_bytes(b"not in a folder")
    found = find(tmp_path)
    assert [scan.path for scan in found.scans] == ["data/sub-01/anat/sub-01_T1w.nii.gz"]
    assert found.left_out == []


def test_files_of_another_subject_session_or_kind_are_left_out(tmp_path):
    anat = tmp_path / "data/sub-01/ses-1/anat"
    small_cohorts.small_head(anat / "sub-01_ses-1_T1w.nii.gz")
    for name in ("sub-02_ses-1", "sub-01_ses-2", "sub-01", "sub-01_ses-1_part-phase"):
        small_cohorts.small_head(anat / f"{name}_T1w.nii.gz", seed=1)
    phantoms.write_volume(anat / "sub-01_ses-1_T2w.nii.gz", np.zeros((4, 4, 4, 2)))
    found = find(tmp_path)
    assert len(found.scans) == 1
    reasons = {entry.path.rpartition("/")[2][:-11]: entry.reason for entry in found.left_out}
    assert len(reasons) == 5
    for name in ("sub-02_ses-1", "sub-01_ses-2", "sub-01"):
        assert "is not named after its folders, 'sub-01/ses-1/anat'" in reasons[name]
    assert "is the phase part of a complex image" in reasons["sub-01_ses-1_part-phase"]
    assert "has four dimensions" in reasons["sub-01_ses-1"]


def test_a_damaged_table_is_named_and_the_scans_go_on(tmp_path):
    small_cohorts.write_bids(tmp_path / "data", labels=["01"], rows=["name\tage", "sub-01\t30"])
    found = find(tmp_path)
    assert len(found.scans) == 1
    assert [entry.path for entry in found.left_out] == ["data/participants.tsv"]
    assert "has no column 'subject' or 'participant_id'" in found.left_out[0].reason
    assert "participants.tsv cannot be read: age and sex are unknown" in found.notes


def test_without_a_table_nothing_is_known(tmp_path):
    small_cohorts.write_bids(tmp_path / "data", labels=["01"])
    assert find(tmp_path).notes[0] == "no participants.tsv: age and sex are unknown"


def test_a_folder_without_subjects_is_a_data_error(tmp_path):
    small_cohorts.write_bids(tmp_path / "data/rawdata", labels=["01"])
    with pytest.raises(DataError, match=r"source 'cohort' in 'data' has no folder sub-\*: exp"):
        find(tmp_path)


def test_subjects_without_an_image_are_told(tmp_path):
    small_cohorts.write_bids(tmp_path / "data", labels=["A"])
    (tmp_path / "data/sub-B/ses-1/anat").mkdir(parents=True)
    (tmp_path / "data/sub-C").mkdir()
    notes = find(tmp_path).notes
    assert "2 folders sub-* hold no image of T1w, T2w, FLAIR, PDw: sub-B, sub-C" in notes


def test_endings_in_capitals_are_endings(tmp_path):
    small_cohorts.small_head(tmp_path / "head.nii.gz")
    path = tmp_path / "data/sub-A/anat/sub-A_T1w.NII.GZ"
    path.parent.mkdir(parents=True)
    (tmp_path / "head.nii.gz").rename(path)
    found = find(tmp_path)
    assert ([scan.subject for scan in found.scans], found.left_out) == (["cohort/A"], [])
