import json
import logging
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import phantoms
from mrigen.data.slicing.dataset import DatasetConfig
from mrigen.data.sources import SourceConfig
from mrigen.data.store.slice_store import SliceStore
from mrigen.errors import ConfigError, DataError
from mrigen.project import Params, Project
from mrigen.stages.index import index as index_stage
from mrigen.stages.slices import slices

MODALITIES = ("FLAIR", "T1w", "T1Gd", "T2w")
SPLIT = {"train": 0.5, "validation": 0.25, "test": 0.25}


def project_of(root):
    middle = {"by": "fraction", "start": 0.4, "stop": 0.6}
    datasets = {
        "heads": {"source": "ixi", "size": 32, "selection": middle, "split": SPLIT},
        "tumours": {"source": "decathlon", "size": 32, "modalities": MODALITIES, "split": SPLIT},
    }
    params = Params.model_construct(
        sources={
            name: SourceConfig(layout=name, path=f"data/{name}") for name in ("ixi", "decathlon")
        },
        datasets={name: DatasetConfig.model_validate(value) for name, value in datasets.items()},
        models={},
    )
    return Project(root, params)


def files_of(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture
def project(tmp_path):
    phantoms.write_ixi(tmp_path / "data/ixi", subjects=6)
    phantoms.write_decathlon(tmp_path / "data/decathlon", subjects=4)
    project = project_of(tmp_path)
    index_stage(project)
    return project


def test_heads_become_a_store(project):
    store = slices(project, "heads", workers=1, progress=False)
    assert len(store) == 6 * 6
    assert set(store.manifest["subject"]) == {f"ixi/IXI{number:03d}" for number in range(1, 7)}
    assert set(store.manifest["source"]) == {"ixi"}
    SliceStore(project.processed("heads")).verify()


def test_all_modalities_of_a_person_share_a_split(project):
    store = slices(project, "tumours", workers=1, progress=False)
    manifest = store.manifest
    assert set(manifest["modality"]) == set(MODALITIES)
    assert manifest.groupby("subject")["split"].nunique().tolist() == [1] * 4
    assert manifest.groupby("subject")["modality"].nunique().tolist() == [4] * 4
    assert set(manifest["split"]) == {"train", "validation", "test"}


def test_bytes_are_the_same_again_and_with_other_numbers_of_processes(project):
    slices(project, "heads", workers=1, progress=False)
    first = files_of(project.processed("heads"))
    for workers in (1, 2):
        slices(project, "heads", workers=workers, progress=False)
        assert files_of(project.processed("heads")) == first


def with_dataset(project, **values):
    """The same project with one dataset more."""
    params = project.params
    config = params.datasets["heads"].model_dump() | values
    changed = params.model_copy(
        update={"datasets": {**params.datasets, "other": DatasetConfig.model_validate(config)}}
    )
    return Project(project.root, changed)


COHORT = {
    "intensity": {"scope": "cohort", "lower": 0, "upper": 100},
    "selection": {"by": "all", "content": {"rule": "nonzero_mean", "cut": "q1"}},
}


def test_a_cohort_is_scaled_together_whatever_the_number_of_processes(project):
    paths = sorted((project.root / "data/ixi/IXI-T1").iterdir())
    phantoms.truncate(paths[0])
    phantoms.write_volume(paths[1], 3 * phantoms.head(), axes="PSR")
    project = with_dataset(project, **COHORT)
    store = slices(project, "other", workers=1, progress=False)
    first = files_of(store.path)
    assert files_of(slices(project, "other", workers=2, progress=False).path) == first
    assert len(json.loads(first["summary.json"])["left_out"]) == 1
    # One head is three times as bright as the others, and stays so.
    bright = store.manifest["subject"] == "ixi/IXI002"
    pixels = store.read(np.arange(len(store)))
    assert pixels[bright].max() == 255
    assert 75 <= pixels[~bright].max() <= 95
    # The darker quarter of all slices is dropped.
    assert len(store) == pytest.approx(0.75 * 5 * 26, abs=2)


def test_labels_are_kept_beside_their_slices(project):
    project = with_dataset(project, source="decathlon", labels=True)
    store = slices(project, "other", workers=2, progress=False)
    labels = store.read_labels(np.arange(len(store)))
    assert labels.shape == store.read([*range(len(store))]).shape
    assert set(np.unique(labels)) == {0, 1}
    assert store.manifest["label_fraction"].max() > 0


def test_pictures_become_a_store_whatever_the_number_of_processes(project, monkeypatch):
    monkeypatch.setattr("mrigen.stages.slices._PICTURES_TOGETHER", 5)
    noise = np.random.default_rng(0)
    for subject in range(4):
        for index in range(6):
            path = project.root / f"data/png/p{subject}_{index}.png"
            path.parent.mkdir(exist_ok=True)
            Image.fromarray(noise.integers(0, 256, (32, 32)).astype(np.uint8)).save(path)
    pattern = r"(?P<subject>p\d+)_(?P<index>\d+)"
    source = SourceConfig(layout="pictures", path="data/png", subject=pattern, plane="axial")
    params = project.params.model_copy(update={"sources": {"png": source}, "datasets": {}})
    project = Project(project.root, params)
    values = {"source": "png", "size": 32, "split": SPLIT, "intensity": {"scope": "stored"}}
    config = {"selection": {"by": "index", "start": 1, "stop": 5}, **values}
    params.datasets["other"] = DatasetConfig.model_validate(config)
    index_stage(project)
    store = slices(project, "other", workers=1, progress=False)
    assert len(store) == 4 * 4
    first = files_of(store.path)
    assert files_of(slices(project, "other", workers=2, progress=False).path) == first
    params.datasets["other"] = DatasetConfig.model_validate(values)
    with pytest.raises(ConfigError, match=r"'datasets\.other\.selection\.by' is 'fraction'"):
        slices(project, "other", workers=1, progress=False)


def test_damaged_files_are_named_and_the_rest_goes_on(project, caplog):
    paths = sorted((project.root / "data/ixi/IXI-T1").iterdir())
    phantoms.truncate(paths[0])
    phantoms.write_volume(paths[1], np.zeros((8, 8, 8)))
    phantoms.write_volume(paths[2], np.full((8, 8, 8), np.nan), dtype=np.float32)
    with caplog.at_level(logging.INFO, "mrigen"):
        store = slices(project, "heads", workers=2)
    assert store.manifest["subject"].nunique() == 3
    summary = json.loads((store.path / "summary.json").read_text())
    names = [path.name for path in paths[:3]]
    assert [entry["path"].rpartition("/")[2] for entry in summary["left_out"]] == names
    text = " ".join(entry["reason"] for entry in summary["left_out"])
    assert "Copy it again" in text
    assert "is 0 everywhere" in text
    assert "100.0% NaN" in text
    assert all(f"left out data/ixi/IXI-T1/{name}" in caplog.text for name in names)


def test_nothing_left_is_one_sentence_and_leaves_nothing(project):
    for path in (project.root / "data/ixi/IXI-T1").iterdir():
        path.write_bytes(b"")
    with pytest.raises(
        DataError, match="'heads' has no slices: all 6 files were left out, the fir"
    ):
        slices(project, "heads", workers=1, progress=False)
    assert list((project.root / "processed").iterdir()) == []


def test_what_is_missing_says_what_to_do(tmp_path, project):
    with pytest.raises(ConfigError, match="dataset 'hands' is not in params"):
        slices(project, "hands")
    phantoms.write_ixi(tmp_path / "new/data/ixi", subjects=1)
    with pytest.raises(DataError, match=r"scans\.parquet' does not exist: run 'mrigen index'"):
        slices(project_of(tmp_path / "new"), "heads")
    flair = project.params.datasets["heads"].model_copy(update={"modalities": ("FLAIR",)})
    params = Params.model_construct(
        sources=project.params.sources, datasets={"heads": flair}, models={}
    )
    with pytest.raises(
        DataError, match="wants FLAIR scans of source 'ixi', and the index has none"
    ):
        slices(Project(project.root, params), "heads")


def test_progress_is_told_in_plain_lines_where_there_is_no_terminal(project, capsys, monkeypatch):
    monkeypatch.setattr("mrigen.stages.progress.LINE_SECONDS", 0)
    slices(project, "heads", workers=1)
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "\x1b" not in shown.err


RUN = """
import sys
import time
from pathlib import Path
if __name__ == "__main__":
    from test_slices import project_of
    import mrigen.stages.slices as stage
    keep = stage._keep

    def keep_and_wait(answers, left_out):
        # However quick the machine, the run is not over before it is stopped.
        for cut in keep(answers, left_out):
            yield cut
            time.sleep(60)

    stage._keep = keep_and_wait
    stage.slices(project_of(Path(sys.argv[1])), "heads", workers=2)
"""


@pytest.fixture
def running(project, quiet_environment):
    """A run with its workers just starting, and its own process group."""
    script = project.root / "run.py"
    script.write_text(RUN)
    places = os.pathsep.join(str(Path(file).parent) for file in (__file__, phantoms.__file__))
    process = subprocess.Popen(
        [sys.executable, script, project.root],
        env={**quiet_environment, "PYTHONPATH": places},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    while process.poll() is None and not list(project.root.glob("processed/.heads-*")):
        time.sleep(0.01)
    yield process
    process.kill()
    process.communicate()


def test_a_killed_run_leaves_neither_a_store_nor_processes(project, running):
    running.kill()
    # The pipe ends when the last worker, which inherited it, has ended.
    running.communicate(timeout=60)
    assert running.returncode == -signal.SIGKILL
    assert not project.processed("heads").exists()
    slices(project, "heads", workers=1, progress=False)


def test_an_interrupted_run_ends_cleanly(project, running):
    os.killpg(running.pid, signal.SIGINT)
    output, _ = running.communicate(timeout=60)
    assert running.returncode != 0
    assert output.count("Traceback") == 1
    assert output.rstrip().endswith("KeyboardInterrupt")
    assert list((project.root / "processed").iterdir()) == []
