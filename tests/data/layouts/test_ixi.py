import numpy as np

import phantoms
from mrigen.data.sources import SourceConfig, find_scans

IXI = SourceConfig(layout="ixi", path="data/ixi")


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


def test_subjects_without_a_row_or_an_age_are_named(tmp_path):
    phantoms.write_ixi(tmp_path / "data/ixi", subjects=9, shape=(6, 7, 8))
    rows = [(1, 1, 1, 30), (2, 1, 1, None), (3, 1, 1, 40), (3, 2, 1, 40)]
    phantoms.write_ixi_csv(tmp_path / "data/ixi/IXI.csv", rows)
    assert find_scans(tmp_path, "ixi", IXI).notes == [
        "IXI.csv has rows that contradict each other for 1 persons, whose age, sex and ethnicity "
        "are unknown: IXI_ID 003",
        "6 of 9 subjects have no row in IXI.csv and are unknown: "
        "IXI004, IXI005, IXI006, IXI007, IXI008 and 1 more",
        "age is unknown for 8 of 9 subjects: IXI002, IXI003, IXI004, IXI005, IXI006 and 3 more",
        "sex is unknown for 7 of 9 subjects: IXI003, IXI004, IXI005, IXI006, IXI007 and 2 more",
    ]
