"""`mrigen slices`, killed at every stage of its work, and run again."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import phantoms
from mrigen.data.slicing.dataset import DatasetConfig
from mrigen.data.sources import SourceConfig
from mrigen.data.store import shards
from mrigen.data.store.slice_store import SliceStore
from mrigen.project import Params, Project
from mrigen.stages.index import index
from mrigen.stages.slices import slices

SHARD = 7


def project_of(root):
    dataset = {
        "source": "decathlon",
        "size": 16,
        "labels": True,
        "modalities": ("T1w", "T2w"),
        "selection": {"by": "fraction", "start": 0.4, "stop": 0.6},
        "split": {"train": 0.5, "validation": 0.25, "test": 0.25},
    }
    params = Params.model_construct(
        sources={"decathlon": SourceConfig(layout="decathlon", path="data/decathlon")},
        datasets={"heads": DatasetConfig.model_validate(dataset)},
        models={},
    )
    return Project(root, params)


def files_of(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The bytes of an unbroken run, and the cohort they come from."""
    root = tmp_path_factory.mktemp("whole")
    phantoms.write_decathlon(root / "data/decathlon", subjects=5)
    project = project_of(root)
    index(project)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shards, "SHARD_SLICES", SHARD)
        slices(project, "heads", workers=1, progress=False)
    return root, files_of(project.processed("heads"))


# Runs until a file of some name is half written, or a folder is to be renamed the n-th time, and
# is killed there: the parent alone or with all its workers.
PROGRAM = """
import os, signal, sys
from pathlib import Path

def end():
    os.kill(0 if victim == "group" else os.getpid(), signal.SIGKILL)

def kill_in_file(name):
    import builtins
    real = builtins.open
    def opening(path, mode="r", *arguments, **options):
        if str(path).endswith(name) and "w" in mode:
            with real(path, "wb") as file:
                file.write(b"half")
                file.flush()
                end()
        return real(path, mode, *arguments, **options)
    builtins.open = opening
    real_text = Path.write_text
    def write_text(self, text, *arguments, **options):
        if self.name == name:
            real_text(self, text[:len(text) // 2], *arguments, **options)
            end()
        return real_text(self, text, *arguments, **options)
    Path.write_text = write_text

def kill_at_rename(number):
    real, calls = Path.replace, []
    def replacing(self, other):
        calls.append(other)
        if len(calls) == number:  # the first is of the contact sheet
            end()
        return real(self, other)
    Path.replace = replacing

if __name__ == "__main__":
    root, victim, place, workers = sys.argv[1:]
    from test_slices_killed import SHARD, project_of
    from mrigen.data.store import shards
    from mrigen.stages.slices import slices
    shards.SHARD_SLICES = SHARD
    if place.startswith("rename"):
        kill_at_rename(int(place[-1]))
    else:
        kill_in_file(place)
    slices(project_of(Path(root)), "heads", workers=int(workers))
"""


def kill(project, victim, place, workers, environment):
    script = project.root / "program.py"
    script.write_text(PROGRAM)
    places = os.pathsep.join(str(Path(file).parent) for file in (__file__, phantoms.__file__))
    process = subprocess.Popen(
        [sys.executable, script, project.root, victim, place, str(workers)],
        env={**environment, "PYTHONPATH": places},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    # The pipe ends when the last worker, which inherited it, has ended.
    output, _ = process.communicate(timeout=120)
    assert process.returncode == -signal.SIGKILL, output


@pytest.fixture
def project(tmp_path, whole):
    root, _ = whole
    (tmp_path / "data").symlink_to(root / "data")
    project = project_of(tmp_path)
    index(project)
    return project


@pytest.mark.parametrize(
    ("victim", "place", "workers"),
    [
        ("parent", "slices-000.npy", 2),
        ("group", "slices-002.npy", 2),
        ("parent", "labels-001.npy", 1),
        ("parent", "summary.json", 1),
    ],
)
def test_a_killed_run_leaves_no_half_and_the_next_gives_the_same_bytes(
    project, whole, quiet_environment, monkeypatch, victim, place, workers
):
    kill(project, victim, place, workers, quiet_environment)
    (left,) = (project.root / "processed").iterdir()
    assert left.name.startswith(".heads-")
    monkeypatch.setattr(shards, "SHARD_SLICES", SHARD)
    slices(project, "heads", workers=1, progress=False)
    assert [path.name for path in (project.root / "processed").iterdir()] == ["heads"]
    assert files_of(project.processed("heads")) == whole[1]


@pytest.mark.parametrize("place", ["rename2", "rename3"])
def test_a_store_outlives_a_run_that_is_killed_over_it(
    project, whole, quiet_environment, monkeypatch, place
):
    monkeypatch.setattr(shards, "SHARD_SLICES", SHARD)
    slices(project, "heads", workers=1, progress=False)
    kill(project, "parent", place, 1, quiet_environment)
    if place == "rename2":
        SliceStore(project.processed("heads")).verify()
    else:  # for a moment nothing stands there: the old store is aside
        assert not project.processed("heads").exists()
    slices(project, "heads", workers=1, progress=False)
    assert [path.name for path in (project.root / "processed").iterdir()] == ["heads"]
    assert files_of(project.processed("heads")) == whole[1]
