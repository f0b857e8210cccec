import json
import os

import pytest

import small_cohorts
from mrigen.data.sources import SourceConfig, find_scans
from mrigen.errors import DataError

PICTURES = {"subject": r"(?P<subject>\w+)\.", "plane": "axial"}


@pytest.fixture
def project(tmp_path):
    """A project folder with one good head of each layout; what lies beside it is outside."""
    root = tmp_path / "project"
    small_cohorts.small_head(root / "data/ixi/IXI-T1/IXI001-HH-1001-T1.nii.gz")
    small_cohorts.write_bids(root / "data/bids", labels=["01"])
    small_cohorts.small_head(root / "data/folder/a.nii.gz")
    small_cohorts.write_picture(root / "data/pictures/a.png")
    small_cohorts.small_head(root / "data/decathlon/imagesTr/a.nii.gz")
    describe(root, ["a"])
    return root


def describe(root, names):
    cases = [{"image": f"imagesTr/{name}.nii.gz"} for name in names]
    text = json.dumps({"modality": {"0": "T1w"}, "training": cases})
    (root / "data/decathlon/dataset.json").write_text(text)


def find(root, layout, **options):
    more = PICTURES if layout == "pictures" else {}
    config = SourceConfig(layout=layout, path=f"data/{layout}", **more, **options)
    return find_scans(root, "cohort", config)


# Where each layout looks for one more scan.
PLACES = {
    "ixi": "ixi/IXI-T1/IXI002-HH-1002-T1.nii.gz",
    "bids": "bids/sub-02/anat/sub-02_T1w.nii.gz",
    "folder": "folder/b.nii.gz",
    "decathlon": "decathlon/imagesTr/b.nii.gz",
    "pictures": "pictures/b.png",
}
VOLUMES = sorted(set(PLACES) - {"pictures"})


def place_of(root, layout):
    path = root / "data" / PLACES[layout]
    path.parent.mkdir(parents=True, exist_ok=True)
    if layout == "decathlon":
        describe(root, ["a", "b"])
    return path


def ending(layout):
    return ".png" if layout == "pictures" else ".nii.gz"


def another(layout, path):
    write = small_cohorts.write_picture if layout == "pictures" else small_cohorts.small_head
    return write(path)


@pytest.mark.parametrize("kind", small_cohorts.BAD_VOLUMES)
@pytest.mark.parametrize("layout", VOLUMES)
def test_a_bad_file_is_one_sentence_and_the_others_go_on(project, layout, kind):
    path = place_of(project, layout)
    spoil, words = small_cohorts.BAD_VOLUMES[kind]
    spoil(path)
    found = find(project, layout)
    assert len(found.scans) == 1
    (entry,) = found.left_out
    assert entry.path == f"data/{PLACES[layout]}"
    assert words in entry.reason
    assert path.name in entry.reason
    assert entry.reason.endswith(".")


@pytest.mark.parametrize("layout", PLACES)
def test_a_link_out_of_cohort_and_project_is_left_out(project, layout):
    outside = another(layout, project.parent / f"outside{ending(layout)}")
    place_of(project, layout).symlink_to(outside)
    found = find(project, layout)
    assert len(found.scans) == 1
    (entry,) = found.left_out
    assert "is a symbolic link out of the cohort and the project" in entry.reason
    assert "set sources.cohort.follow_links" in entry.reason
    assert len(find(project, layout, follow_links=True).scans) == 2


@pytest.mark.parametrize("layout", PLACES)
def test_links_into_the_project_are_read(project, layout):
    inside = another(layout, project / f"cache/b{ending(layout)}")
    place_of(project, layout).symlink_to(inside)
    found = find(project, layout)
    assert (len(found.scans), found.left_out) == (2, [])


@pytest.mark.parametrize("layout", PLACES)
def test_the_cohort_itself_may_be_a_link(project, layout):
    place_of(project, layout)
    if layout == "decathlon":
        describe(project, ["a"])
    (project / f"data/{layout}").rename(project.parent / "elsewhere")
    (project / f"data/{layout}").symlink_to(project.parent / "elsewhere")
    found = find(project, layout)
    assert (len(found.scans), found.left_out) == (1, [])
    assert found.scans[0].path.startswith(f"data/{layout}/")


@pytest.mark.parametrize("layout", PLACES)
@pytest.mark.parametrize("link", [os.symlink, os.link])
def test_one_file_under_two_names_is_used_once(project, layout, link):
    path = place_of(project, layout)
    first = find(project, layout).scans[0]
    link(project / first.path, path)
    found = find(project, layout)
    assert found.scans == [first]
    (entry,) = found.left_out
    assert "is the same file as" in entry.reason


def test_folders_that_link_to_each_other_end(project):
    folder = project / "data/folder"
    (folder / "up").symlink_to(folder)
    (folder / "round").symlink_to(project)
    (folder / "deep").mkdir()
    (folder / "deep/again").symlink_to("..")
    small_cohorts.small_head(folder / "deep/b.nii.gz", seed=1)
    small_cohorts.small_head(project / "data/more/c.nii.gz", seed=2)
    (project / "data/more/back").symlink_to(folder)
    (project / "data/more/self").symlink_to(project / "data/more")
    (folder / "alias").symlink_to("deep")
    found = find(project, "folder")
    names = {scan.path.removeprefix("data/folder/") for scan in found.scans}
    assert {"a.nii.gz", "deep/b.nii.gz", "round/data/more/c.nii.gz"} <= names
    links = ("again/", "up/", "back/", "alias/", "self/")
    assert not any(link in name for link in links for name in names)
    assert not any(link in entry.path for link in links for entry in found.left_out)


@pytest.mark.parametrize("outside", ["outside", "project-2"])
def test_a_folder_out_of_the_project_is_named_and_not_entered(project, outside):
    small_cohorts.small_head(project.parent / outside / "b.nii.gz")
    (project / "data/folder/more").symlink_to(project.parent / outside)
    found = find(project, "folder")
    assert len(found.scans) == 1
    assert [entry.path for entry in found.left_out] == ["data/folder/more"]
    assert len(find(project, "folder", follow_links=True).scans) == 2


def test_a_subject_folder_out_of_the_project_is_named(project):
    small_cohorts.write_bids(project.parent / "outside", labels=["02"])
    (project / "data/bids/sub-02").symlink_to(project.parent / "outside/sub-02")
    found = find(project, "bids")
    assert len(found.scans) == 1
    assert [entry.path for entry in found.left_out] == ["data/bids/sub-02"]
    assert len(find(project, "bids", follow_links=True).scans) == 2


@pytest.mark.parametrize("layout", ["bids", "folder", "pictures"])
def test_names_that_cannot_be_printed_are_left_out(project, layout):
    good = project / find(project, layout).scans[0].path
    bad = b"sub-01_caf\xe9_T1w" + os.fsencode(ending(layout))
    (good.parent / os.fsdecode(bad)).write_bytes(good.read_bytes())
    found = find(project, layout)
    assert len(found.scans) == 1
    (entry,) = found.left_out
    assert r"caf\udce9" in entry.path
    assert "cannot be printed: expected an ordinary file name" in entry.reason


@pytest.mark.parametrize("layout", ["folder", "bids"])
def test_a_subfolder_that_may_not_be_read_is_named(project, layout, monkeypatch):
    place = project / ("data/folder/locked" if layout == "folder" else "data/bids/sub-09")
    place.mkdir()
    listed = type(place).iterdir

    def iterdir(path):
        if path == place:
            raise PermissionError(13, "Permission denied", str(path))
        return listed(path)

    monkeypatch.setattr(type(place), "iterdir", iterdir)
    found = find(project, layout)
    assert len(found.scans) == 1
    (entry,) = found.left_out
    assert f"folder '{place.name}' cannot be read (Permission denied)" in entry.reason


@pytest.mark.parametrize("layout", ["bids", "folder", "pictures"])
def test_accents_make_no_two_subjects_of_one(project, layout):
    composed, decomposed = "zo\u00eb", "Zoe\u0308"
    root = project / "data" / layout
    if layout == "bids":
        small_cohorts.write_bids(root, labels=[composed, decomposed])
    else:
        for name in (composed, decomposed):
            another(layout, root / f"{name}{ending(layout)}")
    found = find(project, layout)
    subjects = {scan.subject for scan in found.scans}
    assert subjects == {f"cohort/{'01' if layout == 'bids' else 'a'}", "cohort/Zo\u00eb"}
    assert "Zo\u00eb, zo\u00eb are taken for one subject" in found.notes


def test_a_link_to_a_table_out_of_the_project_is_not_read(project):
    outside = project.parent / "secret.tsv"
    outside.write_text("participant_id\tage\nsub-01\t30\n")
    (project / "data/bids/participants.tsv").symlink_to(outside)
    (project / "data/folder/t.tsv").symlink_to(outside)
    for found in (find(project, "bids"), find(project, "folder", table="t.tsv")):
        assert found.scans[0].age is None
        assert "symbolic link out of the cohort" in found.left_out[0].reason


def test_a_description_out_of_the_project_is_not_read(project):
    path = project / "data/decathlon/dataset.json"
    path.symlink_to(path.rename(project.parent / "dataset.json"))
    with pytest.raises(DataError, match=r"'dataset\.json' is a symbolic link out of the cohort"):
        find(project, "decathlon")
    assert len(find(project, "decathlon", follow_links=True).scans) == 1
