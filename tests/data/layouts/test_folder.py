import pytest

import phantoms
import small_cohorts
from mrigen.data.slicing.slice_tables import scan_name
from mrigen.data.sources import SourceConfig, find_scans
from mrigen.data.volumes.reading import read_channels


@pytest.fixture
def folder(tmp_path):
    names = ("p1_visit1.nii.gz", "p1_visit2.nii.gz", "Oslo/p2_visit1.nii", "notes.nii.txt")
    for number, name in enumerate(names[:3]):
        small_cohorts.small_head(tmp_path / "data" / name, seed=number)
    (tmp_path / "data" / names[3]).write_text("nothing")
    return tmp_path


def find(root, **options):
    return find_scans(root, "s", SourceConfig(layout="folder", path="data", **options))


def test_each_file_is_a_subject_until_a_pattern_says_otherwise(folder):
    found = find(folder)
    assert [scan.subject for scan in found.scans] == ["s/p1_visit1", "s/p1_visit2", "s/p2_visit1"]
    assert found.left_out == []
    assert "each file is taken for a person of its own" in found.notes[0]
    found = find(folder, subject=r"(?P<subject>p\d+)_")
    assert [scan.subject for scan in found.scans] == ["s/p1", "s/p1", "s/p2"]
    assert "1 subjects have more than one file; each stays in one split: p1" in found.notes
    assert not any("person of its own" in note for note in found.notes)


def test_folders_below_are_read_unless_told_not_to(folder):
    paths = [scan.path for scan in find(folder, recursive=False).scans]
    assert paths == ["data/p1_visit1.nii.gz", "data/p1_visit2.nii.gz"]


def test_files_choose_by_their_path(folder):
    paths = [scan.path for scan in find(folder, files="*_visit1.nii*").scans]
    assert paths == ["data/p1_visit1.nii.gz", "data/Oslo/p2_visit1.nii"]


def test_a_table_tells_of_the_persons_and_the_path_of_the_site(folder):
    (folder / "data/people.csv").write_text(
        "subject,sex,age,split,site\np1,f,20,train,Bergen\np2,m,30,test,Bergen\n"
    )
    found = find(
        folder,
        table="people.csv",
        subject=r"^(?:(?P<site>\w+)/)?(?P<subject>p\d)",
        modality="FLAIR",
    )
    p1, _, p2 = found.scans
    assert (p1.age, p1.sex, p1.split, p1.site, p1.modality) == (20, "f", "train", "Bergen", "FLAIR")
    assert (p2.age, p2.sex, p2.split, p2.site) == (30, "m", "test", "Oslo")


def test_a_table_that_is_missing_is_named_and_the_scans_go_on(folder):
    found = find(folder, table="people.csv")
    assert len(found.scans) == 3
    assert [entry.path for entry in found.left_out] == ["data/people.csv"]
    assert "nothing is known of the persons" in found.notes[0]


@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        (r"(?P<subject>q\d)", "'p1_visit1.nii.gz': the pattern '(?P<subject>q\\d)' is not found"),
        (r"(?P<subject>q*)p", "finds '' as the subject"),
        (r"(?P<subject>.*)_visit1.nii$", "finds 'Oslo/p2' as the subject"),
        (r"(?P<subject>p)\d_(?P<split>\w+)\.", "is of the split 'visit1': expected train"),
    ],
)
def test_names_without_a_subject_are_one_sentence(folder, pattern, words):
    reasons = [entry.reason for entry in find(folder, subject=pattern).left_out]
    assert any(words in reason for reason in reasons)
    assert all(reason.endswith(".") for reason in reasons)


def test_volumes_of_several_channels_are_left_out(folder):
    phantoms.write_decathlon(folder / "data/four", subjects=1, shape=(6, 7, 8))
    found = find(folder, files="four/imagesTr/*")
    assert found.scans == []
    assert "has four dimensions, shape (6, 7, 8, 4): expected three" in found.left_out[0].reason


def test_an_empty_folder_has_no_scans(tmp_path):
    (tmp_path / "data").mkdir()
    assert find(tmp_path) == ([], [], [])


@pytest.mark.parametrize(("name", "capitals"), [("a.nii.gz", "A.NII.GZ"), ("a.nii", "A.Nii")])
def test_endings_in_capitals_are_endings(tmp_path, name, capitals):
    small_cohorts.small_head(tmp_path / name)
    (tmp_path / "data").mkdir()
    (tmp_path / name).rename(tmp_path / "data" / capitals)
    found = find(tmp_path)
    assert ([scan.subject for scan in found.scans], found.left_out) == (["s/A"], [])
    assert len(read_channels(tmp_path / "data" / capitals, [None], max_voxels=10**6)) == 1
    assert scan_name(f"data/{capitals}") == "A"
