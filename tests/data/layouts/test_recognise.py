import pytest

import phantoms
import small_cohorts
from mrigen.data.layouts.recognise import recognise
from mrigen.data.sources import find_scans
from mrigen.errors import DataError


def read(folder):
    config, reason = recognise(folder)
    assert reason.isprintable()
    found = find_scans(folder, "s", config)
    assert found.left_out == []
    return config, reason, found.scans


def test_the_published_layouts(tmp_path):
    phantoms.write_ixi(tmp_path / "ixi", subjects=2, shape=(6, 7, 8))
    assert read(tmp_path / "ixi")[:2] == (
        recognise(tmp_path / "ixi").config,
        "it holds the folder IXI-T1",
    )
    assert len(read(tmp_path / "ixi")[2]) == 2
    config, reason, scans = read(tmp_path / "ixi/IXI-T1")
    assert (config.layout, len(scans)) == ("ixi", 2)
    assert reason == "2 of its 2 NIfTI files are named like those of the IXI release"
    phantoms.write_decathlon(tmp_path / "Task01", subjects=1, shape=(6, 7, 8))
    config, reason, scans = read(tmp_path / "Task01")
    assert (config.layout, len(scans)) == ("decathlon", 4)
    small_cohorts.write_bids(tmp_path / "bids", rows=["participant_id", "sub-01"])
    config, reason, scans = read(tmp_path / "bids")
    assert (config.layout, len(scans)) == ("bids", 3)
    assert reason == "it holds 3 folders sub-* and participants.tsv"


def test_any_volumes(tmp_path):
    for number, name in enumerate(["x/a.nii", "b.nii.gz", "IXI001-HH-1-T1.nii.gz"]):
        small_cohorts.small_head(tmp_path / name, seed=number)
    (tmp_path / "people.csv").write_text("subject,age\na,30\n")
    small_cohorts.write_picture(tmp_path / "logo.png")
    config, reason, scans = read(tmp_path)
    assert (config.layout, config.table, len(scans)) == ("folder", "people.csv", 3)
    assert reason.startswith("it holds 3 NIfTI files, and people.csv; each is taken for a person")


@pytest.mark.parametrize(
    ("names", "subjects", "indices", "splits"),
    [
        (
            ["training/t1/IXI002-Guys-0828-T1_7.png", "test/t1/IXI012-HH-1211-T1_9.png"],
            ["IXI002", "IXI012"], [7, 9], ["train", "test"],
        ),
        (
            ["BRATS_001-frame000-slice060.jpg", "BRATS_002-frame000-slice061.jpg"],
            ["BRATS_001", "BRATS_002"], [60, 61], [None, None],
        ),
        (["p1_z3.png", "p1-slice-4.png"], ["p1", "p1"], [3, 4], [None, None]),
        (["anna/img3.png", "bert/img4.png"], ["anna", "bert"], [3, 4], [None, None]),
        (["anna/left.png", "bert/right.png"], ["anna", "bert"], [0, 0], [None, None]),
        (["anna.png", "bert.png"], ["anna", "bert"], [0, 0], [None, None]),
        (["IXI002-HH-1-T1_7.png", "x_8.png"], ["IXI002-HH-1-T1", "x"], [7, 8], [None, None]),
    ],
)  # fmt: skip
def test_pictures_by_their_names(tmp_path, names, subjects, indices, splits):
    for name in names:
        small_cohorts.write_picture(tmp_path / name)
    config, reason, scans = read(tmp_path)
    assert config.layout == "pictures"
    assert "'subject' and 'plane' are guesses" in reason
    assert [scan.subject.removeprefix("s/") for scan in scans] == subjects
    assert [scan.index for scan in scans] == indices
    assert [scan.split for scan in scans] == splits


def test_what_is_no_cohort_says_what_was_looked_for(tmp_path):
    with pytest.raises(DataError, match=r"holds no cohort: .* and found no file"):
        recognise(tmp_path)
    for name in ("a.mgz", "b.mgz", "README"):
        (tmp_path / name).write_bytes(b"x")
    with pytest.raises(DataError, match=r"found 2 files with \.mgz, 1 files with no ending"):
        recognise(tmp_path)
    with pytest.raises(DataError, match="is not a folder"):
        recognise(tmp_path / "README")


def test_endings_in_capitals_are_endings(tmp_path):
    (tmp_path / "A.NII.GZ").write_bytes(b"")
    assert recognise(tmp_path).config.layout == "folder"
    (tmp_path / "IXI002-Guys-0828-T1.NII.GZ").write_bytes(b"")
    (tmp_path / "A.NII.GZ").unlink()
    assert recognise(tmp_path).config.layout == "ixi"
