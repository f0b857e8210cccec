"""The training stage: what it writes, what MLflow holds, and what a kill costs."""

import csv
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from mrigen.bundle import load_bundle
from mrigen.data.splits.config import SplitConfig
from mrigen.errors import ConfigError, DataError, ModelError, TrackingError
from mrigen.project import Project, load_project
from mrigen.stages.train import train
from mrigen.tracking.tracker import connect
from mrigen.training.runtime import choose_runtime
from phantoms import slice_store

CPU = choose_runtime(device="cpu")
PARAMS = {
    "sources": {"phantoms": {"layout": "ixi", "path": "data"}},
    "datasets": {"discs": {"source": "phantoms", "size": 32}},
    "models": {
        "vae": {
            "dataset": "discs",
            "network": {"name": "vae", "latent_size": 4, "base_channels": 2, "depth": 3},
            "objective": {"name": "variational"},
            "corruption": None,
            "training": {"epochs": 3, "batch_size": 4},
            "evaluation": {},
            "gate": {},
        },
        "unet": {
            "dataset": "discs",
            "network": {"name": "unet", "base_channels": 2, "depth": 2},
            "objective": {"name": "reconstruction"},
            "corruption": [
                {"name": "line_patch"},
                {"name": "lower_resolution", "factor": 2},
            ],
            "training": {"epochs": 2, "batch_size": 4, "learning_rate": 0.01},
            "evaluation": {},
            "gate": {},
        },
        "gan7": {
            "dataset": "discs",
            "network": {"name": "feliu_gan", "latent_size": 4, "base_channels": 2},
            "objective": {"name": "adversarial", "r1_weight": 0.1},
            "corruption": None,
            "training": {"epochs": 2, "batch_size": 4},
            "evaluation": {},
            "gate": {},
        },
    },
}


def make_project(root: Path, **training: object) -> Project:
    root.mkdir(parents=True, exist_ok=True)
    values = json.loads(json.dumps(PARAMS))
    values["models"]["vae"]["training"] |= training
    (root / "params.yaml").write_text(yaml.safe_dump(values))
    project = load_project(root)
    slice_store(project.processed("discs"))
    return project


def weights(project: Project, model: str) -> bytes:
    return (project.bundle(model) / "weights.safetensors").read_bytes()


@pytest.mark.parametrize("model", ["vae", "unet", "gan7"])
def test_leaves_a_bundle_curves_costs_and_a_run(model, tmp_path):
    project = make_project(tmp_path)
    digest = train(project, model, runtime=CPU, progress=False)

    bundle = load_bundle(project.bundle(model))
    assert bundle.digest == digest
    assert bundle.card["dataset"] == "discs"
    assert bundle.config.image_size == 32
    with (project.model_folder(model) / "history.csv").open() as file:
        history = list(csv.DictReader(file))
    epochs = PARAMS["models"][model]["training"]["epochs"]
    assert [float(row["epoch"]) for row in history] == list(range(1, epochs + 1))
    timing = json.loads((project.model_folder(model) / "timing.json").read_text())
    assert timing["seconds"] > 0
    assert timing["peak_memory_gib"] > 0
    assert not project.checkpoint(model).exists()

    tracker = connect(tmp_path)
    run = tracker.find_run({"mrigen.bundle": digest})
    assert run is not None
    assert run.params["training.batch_size"] == "4"
    assert int(run.params["parameters.trainable"]) > 0
    last = {name: float(value) for name, value in history[-1].items() if name != "epoch"}
    assert last.items() <= run.metrics.items()
    assert {"seconds_per_epoch", "images_per_second", "peak_memory_gib"} <= run.metrics.keys()
    assert run.tags["mrigen.data"] == bundle.card["data_fingerprint"]
    assert run.tags["mrigen.split"] == bundle.card["split"] == "subjects"
    assert bundle.card["warnings"] == []


def test_a_leaking_split_is_told_on_the_card_and_in_the_run(tmp_path):
    project = make_project(tmp_path)
    split = SplitConfig(leaking="tablado")
    store = slice_store(project.processed("discs"), subjects=3, slices=12, split=split)
    digest = train(project, "vae", runtime=CPU, progress=False)
    card = load_bundle(project.bundle("vae")).card
    assert card["split"] == "leaking: tablado"
    assert card["warnings"] == list(store.warnings)
    assert "the same 3 subjects" in card["warnings"][0]
    run = connect(tmp_path).find_run({"mrigen.bundle": digest})
    assert run is not None
    assert run.tags["mrigen.split"] == "leaking: tablado"


def test_same_parameters_give_the_same_bytes(tmp_path):
    first, second = make_project(tmp_path / "a"), make_project(tmp_path / "b")
    assert train(first, "vae", runtime=CPU) == train(second, "vae", runtime=CPU)
    assert weights(first, "vae") == weights(second, "vae")
    histories = [(p.model_folder("vae") / "history.csv").read_bytes() for p in (first, second)]
    assert histories[0] == histories[1]


def test_another_seed_gives_other_bytes(tmp_path):
    first, second = make_project(tmp_path / "a"), make_project(tmp_path / "b", seed=1)
    assert train(first, "vae", runtime=CPU) != train(second, "vae", runtime=CPU)


def start_training(project: Project) -> subprocess.Popen[bytes]:
    script = (
        "import sys, pathlib, torch\n"
        "torch.set_num_threads(1)\n"  # as in this process: sums depend on how they are shared out
        "from mrigen.stages import training_session\n"
        "training_session.CHECKPOINT_SECONDS = 0.0\n"
        "from mrigen.project import load_project\n"
        "from mrigen.stages.train import train\n"
        "from mrigen.training.runtime import choose_runtime\n"
        "project = load_project(pathlib.Path(sys.argv[1]))\n"
        "train(project, 'vae', runtime=choose_runtime(device='cpu'), progress=False)\n"
    )
    return subprocess.Popen([sys.executable, "-c", script, str(project.root)])


def wait_for(path: Path, process: subprocess.Popen[bytes]) -> None:
    while not path.exists():
        assert process.poll() is None, "training ended before it could be stopped"
        time.sleep(0.02)


@pytest.mark.parametrize("stop", [signal.SIGKILL, signal.SIGINT])
def test_a_stopped_training_goes_on_to_the_same_bytes(stop, tmp_path):
    unbroken = make_project(tmp_path / "unbroken", epochs=150)
    expected = train(unbroken, "vae", runtime=CPU, progress=False)

    project = make_project(tmp_path / "stopped", epochs=150)
    process = start_training(project)
    wait_for(project.checkpoint("vae"), process)
    os.kill(process.pid, stop)
    assert process.wait(timeout=60) != 0
    assert not project.bundle("vae").exists()

    assert train(project, "vae", runtime=CPU, progress=False) == expected
    assert weights(project, "vae") == weights(unbroken, "vae")
    history = (project.model_folder("vae") / "history.csv").read_bytes()
    assert history == (unbroken.model_folder("vae") / "history.csv").read_bytes()
    tracker = connect(project.root)
    runs = tracker.client.search_runs(
        [tracker.client.get_experiment_by_name("mrigen").experiment_id]
    )
    assert [run.info.status for run in runs] == ["FINISHED"], "the run goes on; no second one"
    steps = tracker.client.get_metric_history(runs[0].info.run_id, "train/loss")
    assert [metric.step for metric in steps] == list(range(1, 151))


def test_a_checkpoint_of_other_parameters_is_left_aside(tmp_path):
    project = make_project(tmp_path / "one", epochs=150)
    process = start_training(project)
    wait_for(project.checkpoint("vae"), process)
    process.kill()
    process.wait()
    changed = make_project(tmp_path / "one", epochs=2)
    fresh = make_project(tmp_path / "two", epochs=2)
    assert train(changed, "vae", runtime=CPU) == train(fresh, "vae", runtime=CPU)


def test_an_unreachable_server_is_told_before_any_work(tmp_path, monkeypatch):
    project = make_project(tmp_path)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    with pytest.raises(TrackingError, match=r"127\.0\.0\.1:9 cannot be reached"):
        train(project, "vae", runtime=CPU)
    assert not (tmp_path / "models").exists()
    assert not (tmp_path / "checkpoints").exists()


def test_refusals_come_before_a_run_is_opened(tmp_path):
    project = make_project(tmp_path)
    with pytest.raises(ConfigError, match="model 'nope' is not in"):
        train(project, "nope", runtime=CPU)
    (project.processed("discs") / "summary.json").unlink()
    with pytest.raises(DataError, match="mrigen slices discs"):
        train(project, "vae", runtime=CPU)
    slice_store(project.processed("discs"), size=36)
    with pytest.raises(ModelError, match="multiple of 8"):
        train(project, "vae", runtime=CPU)
    tracker = connect(tmp_path)
    assert tracker.client.get_experiment_by_name("mrigen") is None
