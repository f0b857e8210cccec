import json
import logging
import os
import shutil
from pathlib import Path

import pytest

import phantoms
import small_cohorts
from mrigen.data.sources import SourceConfig, read_scans
from mrigen.errors import DataError
from mrigen.project import Params, Project
from mrigen.stages.index import index


def project_of(root, **sources):
    configs = {
        name: SourceConfig(layout=name, path=f"data/{name}")
        for name in sources.pop("names", ("ixi", "decathlon"))
    }
    return Project(root, Params.model_construct(sources=configs, datasets={}, models={}))


def files_of(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture
def project(tmp_path):
    phantoms.write_ixi(tmp_path / "data/ixi", subjects=4)
    phantoms.write_decathlon(tmp_path / "data/decathlon", subjects=2)
    return project_of(tmp_path)


def test_all_sources_are_indexed(project):
    summary = index(project)
    scans = read_scans(project.index / "scans.parquet")
    assert len(scans) == summary["scans"] == 4 + 2 * 4
    assert summary == json.loads((project.index / "summary.json").read_text())
    assert summary["sources"]["ixi"] == {
        "scans": 4,
        "files": 4,
        "labelled_files": 0,
        "masked_files": 0,
        "declared_splits": {},
        "subjects": 4,
        "modalities": {"T1w": 4},
        "sites": {"Guys": 1, "HH": 2, "IOP": 1},
        "sexes": {"female": 2, "male": 2},
        "ethnicities": {"White": 4},
        "age": {"known": 4, "min": 21.5, "max": 24.5},
        "left_out": 0,
        "notes": [],
    }
    assert summary["sources"]["decathlon"]["modalities"] == dict.fromkeys(
        ("FLAIR", "T1Gd", "T1w", "T2w"), 2
    )
    assert summary["sources"]["decathlon"]["sexes"] == {"unknown": 2}
    assert summary["sources"]["decathlon"]["labelled_files"] == 2


def test_every_layout_goes_into_one_index(project):
    data = project.root / "data"
    small_cohorts.write_bids(data / "bids", sessions=["1", "2"])
    small_cohorts.small_head(data / "any/Zo\u00eb.nii.gz")
    small_cohorts.small_head(data / "any/Zo\u00eb_mask.nii.gz")
    small_cohorts.write_picture(data / "png/train/a_7.png")
    small_cohorts.write_picture(data / "png/test/b_8.png")
    values = {
        "bids": {"layout": "bids"},
        "any": {"layout": "folder", "masks": "{stem}_mask.nii.gz"},
        "png": {
            "layout": "pictures",
            "plane": "coronal",
            "subject": r"(?P<split>train|test)/(?P<subject>\w)_(?P<index>\d)",
        },
    }
    sources = project.params.sources | {
        name: SourceConfig(path=f"data/{name}", **options) for name, options in values.items()
    }
    params = Params.model_construct(sources=sources, datasets={}, models={})
    summary = index(Project(project.root, params))
    scans = {scan.path: scan for scan in read_scans(project.index / "scans.parquet")}
    assert summary["scans"] == len(scans) + 2 * 3 == 4 + 2 * 4 + 6 + 1 + 2
    assert summary["left_out"] == []
    assert scans["data/any/Zo\u00eb.nii.gz"].subject == "any/Zo\u00eb"
    assert scans["data/any/Zo\u00eb.nii.gz"].mask_path == "data/any/Zo\u00eb_mask.nii.gz"
    picture = scans["data/png/test/b_8.png"]
    assert (picture.plane, picture.index, picture.split) == ("coronal", 8, "test")
    assert summary["sources"]["png"]["declared_splits"] == {"test": 1, "train": 1}
    assert summary["sources"]["any"]["masked_files"] == 1
    assert (summary["sources"]["bids"]["files"], summary["sources"]["bids"]["subjects"]) == (6, 3)


def test_the_same_cohort_gives_the_same_bytes(project):
    index(project)
    first = files_of(project.index)
    index(project)
    assert files_of(project.index) == first


def test_subjects_of_two_sources_never_collide(tmp_path):
    phantoms.write_ixi(tmp_path / "data/ixi", subjects=2)
    configs = {name: SourceConfig(layout="ixi", path="data/ixi") for name in ("one", "two")}
    project = Project(tmp_path, Params.model_construct(sources=configs, datasets={}, models={}))
    index(project)
    subjects = {scan.subject for scan in read_scans(project.index / "scans.parquet")}
    assert subjects == {"one/IXI001", "one/IXI002", "two/IXI001", "two/IXI002"}


def test_left_out_files_are_named_and_the_rest_goes_on(project, caplog):
    bad = project.root / "data/ixi/IXI-T1/IXI001-HH-1001-T1.nii.gz"
    phantoms.write_huge(bad)
    with caplog.at_level(logging.INFO, "mrigen"):
        summary = index(project)
    (entry,) = summary["left_out"]
    assert entry["path"] == "data/ixi/IXI-T1/IXI001-HH-1001-T1.nii.gz"
    assert "declares 27000000000000 voxels" in entry["reason"]
    assert summary["sources"]["ixi"]["left_out"] == 1
    assert "left out data/ixi/IXI-T1/IXI001" in caplog.text


@pytest.mark.parametrize(
    ("case", "words"),
    [
        ({"image": "a\0b/B_1.nii.gz"}, r"a\x00b/B_1.nii.gz"),
        ({"image": "\ud800/B_1.nii.gz"}, r"\ud800/B_1.nii.gz"),
        ({"image": "a\nb/B_1.nii.gz"}, r"a\nb/B_1.nii.gz"),
        ({"image": "imagesTr/BRATS_002.nii.gz", "label": "l" * 300}, "File name too long"),
    ],
)
def test_impossible_names_in_dataset_json_are_left_out(project, case, words):
    path = project.root / "data/decathlon/dataset.json"
    described = json.loads(path.read_text())
    described["training"] = [described["training"][0], case]
    path.write_text(json.dumps(described))
    summary = index(project)
    (entry,) = summary["left_out"]
    assert words in entry["reason"]
    assert (entry["path"] + entry["reason"]).isprintable()
    assert summary["sources"]["decathlon"]["files"] == 1
    assert json.loads((project.index / "summary.json").read_text()) == summary


def test_a_name_that_is_not_utf8_is_left_out(project):
    place = project.root / "data/ixi/IXI-T1"
    name = os.fsencode(place) + b"/IXI009-caf\xe9-1009-T1.nii.gz"
    shutil.copy(next(place.iterdir()), os.fsdecode(name))
    summary = index(project)
    (entry,) = summary["left_out"]
    assert entry["path"] == r"data/ixi/IXI-T1/IXI009-caf\udce9-1009-T1.nii.gz"
    assert "not UTF-8 or cannot be printed: expected an ordinary file name" in entry["reason"]
    assert summary["sources"]["ixi"]["scans"] == 4


def test_a_folder_that_may_not_be_read_is_a_data_error(project, monkeypatch):
    def refuse(path, *_):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "iterdir", refuse)
    with pytest.raises(DataError, match=r"'data/ixi', which cannot be read \(Permission denied\)"):
        index(project)


def test_nothing_usable_is_one_sentence_and_keeps_the_old_index(project):
    index(project)
    before = files_of(project.index)
    for path in project.root.glob("data/*/*/*.nii.gz"):
        path.write_bytes(b"")
    with pytest.raises(DataError, match="can be used: 6 files were left out, the first because sc"):
        index(project)
    assert files_of(project.index) == before


def test_an_empty_folder_is_a_data_error(tmp_path):
    (tmp_path / "data/ixi").mkdir(parents=True)
    with pytest.raises(DataError, match="no scans were found in 'data/ixi': put a cohort there"):
        index(project_of(tmp_path, names=("ixi",)))
    assert not (tmp_path / "index").exists()


def test_a_missing_folder_is_a_data_error(tmp_path):
    with pytest.raises(DataError, match="'data/decathlon', which is not a folder: put the cohort"):
        index(project_of(tmp_path))
