import logging
import shutil
from pathlib import Path

import nibabel as nib
import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

import phantoms
from mrigen.cli import main
from mrigen.data.slicing.dataset import DatasetConfig
from mrigen.data.sources import SourceConfig
from mrigen.errors import ConfigError, DataError
from mrigen.project import Params, Project
from mrigen.stages.export import export
from mrigen.stages.index import index
from mrigen.stages.slices import slices

SPLIT = {"train": 0.5, "validation": 0.25, "test": 0.25}
ALL = {"by": "all"}
AS_STORED = {"scope": "stored", "lower": 0, "upper": 100}
DATASETS = {
    "eight": {"bits": 8, "selection": {"by": "fraction", "start": 0.4, "stop": 0.6}},
    "sixteen": {"bits": 16, "plane": "coronal", "selection": ALL},
    "leaking": {"bits": 8, "selection": ALL, "split": {"leaking": "tablado"}},
}
# The patterns of the guide, which read an export back.
PATTERNS = {
    None: r"(?P<split>[a-z]+)/(?P<subject>[^/]+)/.*_(?P<index>\d+)\.png",
    "tablado": r"(?P<split>[a-z]+)/t1/(?P<subject>[^-]+)-.*_(?P<index>\d+)\.png",
    "arnaiz": r"(?P<split>train|test)_.*/(?P<subject>[^-/]+)-[^/]*_(?P<index>\d+)\.png",
}


def params_of(sources, datasets):
    return Params.model_construct(
        sources={name: SourceConfig.model_validate(value) for name, value in sources.items()},
        datasets={name: DatasetConfig.model_validate(value) for name, value in datasets.items()},
        models={},
    )


@pytest.fixture
def project(tmp_path):
    """Heads of six people, indexed; the slices of `DATASETS` are for the tests to make."""
    phantoms.write_ixi(tmp_path / "data/ixi", subjects=6)
    base = {"source": "ixi", "size": 32, "split": SPLIT}
    datasets = {name: base | changes for name, changes in DATASETS.items()}
    project = Project(tmp_path, params_of({"ixi": {"layout": "ixi", "path": "data/ixi"}}, datasets))
    index(project)
    return project


def read_back(project, dataset, study):
    """Export a dataset and make slices of the pictures, as another project would."""
    export(project, dataset, to="pictures", out="pictures", study=study, progress=False)
    config = project.params.datasets[dataset]
    leaking = {"leaking": config.split.leaking} if config.split.leaking else {}
    source = {
        "layout": "pictures", "path": "pictures", "subject": PATTERNS[study],
        "plane": config.plane, "files": "*.png",
    }  # fmt: skip
    again = {
        "source": "back", "plane": config.plane, "size": config.size, "bits": config.bits,
        "selection": ALL, "intensity": AS_STORED, "split": {"declared": True} | leaking,
    }  # fmt: skip
    other = Project(project.root, params_of({"back": source}, {"back": again}))
    index(other)
    return slices(other, "back", workers=1, progress=False)


def by_picture(store, *columns):
    """Each slice's pixels by the columns that say which it is."""
    manifest = store.manifest.assign(name=store.manifest["subject"].str.partition("/")[2])
    keys = zip(*(manifest[column] for column in columns), strict=True)
    return dict(zip(keys, store.read(np.arange(len(store))), strict=True))


def assert_equal_pictures(first, second):
    assert first.keys() == second.keys()
    for key, picture in first.items():
        np.testing.assert_array_equal(picture, second[key], strict=True)


@pytest.mark.parametrize("study", [None, "arnaiz"])
@pytest.mark.parametrize("dataset", ["eight", "sixteen"])
def test_exported_pictures_come_back_as_the_same_store(project, dataset, study):
    store = slices(project, dataset, workers=1, progress=False)
    back = read_back(project, dataset, study)
    assert back.bits == store.bits
    if study is None:
        columns = ("name", "index", "split", "plane")
        assert_equal_pictures(by_picture(store, *columns), by_picture(back, *columns))
    else:
        # Training and validation lie in one folder.
        columns = ("name", "index", "plane")
        assert_equal_pictures(by_picture(store, *columns), by_picture(back, *columns))
        tested = [set(one.manifest.loc[one.manifest["split"] == "test", "subject"]
                      .str.partition("/")[2]) for one in (store, back)]  # fmt: skip
        assert tested[0] == tested[1]


def test_tablados_pictures_come_back_with_their_leaking_split(project):
    store = slices(project, "leaking", workers=1, progress=False)
    back = read_back(project, "leaking", "tablado")
    assert len(back) == len(store)
    # His names hold a position in place of the slice number.
    pictures = [
        {(name, split, picture.tobytes()) for (name, _, split), picture in
         by_picture(one, "name", "index", "split").items()}
        for one in (store, back)
    ]  # fmt: skip
    assert pictures[0] == pictures[1]
    assert back.warnings


def test_volumes_lie_in_the_folder_that_was_asked_for(project):
    slices(project, "sixteen", workers=1, progress=False)
    folder = export(project, "sixteen", to="nifti", out="exports/heads", progress=False)
    assert folder == project.root / "exports/heads"
    manifest = pd.read_csv(folder / "manifest.csv")
    assert len(manifest) == 6
    image = nib.load(folder / manifest["file"][0])
    assert image.shape == (32, 32, 28)
    # Coronal slices: the third axis grows to the front.
    assert nib.aff2axcodes(image.affine) == ("L", "I", "A")


def test_what_is_asked_wrongly_is_one_sentence(project):
    with pytest.raises(ConfigError, match="dataset 'nine' is not in params"):
        export(project, "nine", to="nifti", out="out")
    with pytest.raises(ConfigError, match="--study is 'arnaiz' with --to nifti: the studies kept"):
        export(project, "eight", to="nifti", out="out", study="arnaiz")
    with pytest.raises(DataError, match="run 'mrigen slices eight'"):
        export(project, "eight", to="nifti", out="out")
    assert not (project.root / "out").exists()


def test_a_leaking_split_is_told_with_its_export(project, caplog):
    slices(project, "leaking", workers=1, progress=False)
    caplog.clear()
    with caplog.at_level(logging.WARNING, logger="mrigen"):
        export(project, "leaking", to="pictures", out="out", progress=False)
    assert "split 'tablado' puts slices of the same 6 subjects" in caplog.text


def test_how_far_it_is_is_told_in_lines_where_there_is_no_terminal(project, caplog, monkeypatch):
    store = slices(project, "eight", workers=1, progress=False)
    monkeypatch.setattr("mrigen.stages.progress.LINE_SECONDS", -1)
    with caplog.at_level(logging.INFO, logger="mrigen"):
        export(project, "eight", to="pictures", out="out")
    assert f"eight: {len(store)} of {len(store)}" in caplog.text
    caplog.clear()
    export(project, "eight", to="pictures", out="out", progress=False)
    assert f"of {len(store)}" not in caplog.text


def test_the_command(tmp_path):
    studies = Path(__file__).parents[2] / "studies"
    shutil.copyfile(studies / "tablado.yaml", tmp_path / "params.yaml")
    store = phantoms.slice_store(tmp_path / "processed/axial")
    words = ["-C", str(tmp_path), "data", "export", "axial", "--to", "pictures", "--out"]
    answer = CliRunner().invoke(main, [*words, "out"])
    assert answer.exit_code == 0, answer.output
    assert len(list((tmp_path / "out").rglob("*.png"))) == len(store)
    answer = CliRunner().invoke(main, [*words, "processed/axial"])
    assert answer.exit_code == 2
    assert "is not empty" in answer.stderr
