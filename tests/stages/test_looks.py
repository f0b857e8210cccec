"""Which epoch and which average a training keeps that is judged by its images."""

import copy
import csv
import json
import logging
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from judged_cases import pixels
from mrigen.bundle import load_bundle
from mrigen.data.store.slice_store import SliceStore
from mrigen.errors import ConfigError
from mrigen.images import from_integers
from mrigen.project import Project, load_project
from mrigen.stages import looks, training_session
from mrigen.stages.finished_network import finish_network
from mrigen.stages.train import train
from mrigen.stages.training_epochs import end_epoch, start_course
from mrigen.stages.training_job import TrainingJob
from mrigen.tracking.tracker import connect
from mrigen.training.checkpoint import read_extra
from mrigen.training.loop import Progress
from mrigen.training.runtime import choose_runtime
from phantoms import slice_store

CPU = choose_runtime(device="cpu")
BASE = {"dataset": "discs", "corruption": None, "evaluation": {}, "gate": {}}
VAE = BASE | {
    "network": {
        "name": "vae", "latent_size": 4, "base_channels": 2, "depth": 3,
        "sampling": {"name": "mixture", "components": 2},
    },
    "objective": {"name": "variational"},
}  # fmt: skip
GAN = BASE | {
    "network": {"name": "feliu_gan", "latent_size": 4, "base_channels": 2},
    "objective": {"name": "adversarial"},
}
UNET = BASE | {
    "network": {"name": "unet", "base_channels": 2, "depth": 2},
    "objective": {"name": "reconstruction"},
    "corruption": [{"name": "line_patch"}],
}
JUDGED = {
    "epochs": 3,
    "ema_half_lives": [0.05, 0.4],
    "keep": "best",
    "judged_by": "kernel_distance",
    "looks": {"every": 1, "start": 0, "samples": 16},
}
HALF_LIVES = ("0.05", "0.4")


class Pixels:
    """In place of the extractor's configuration: the slow network is not needed to compare."""

    def build(self, device, *, root):
        return pixels(size=32)


@pytest.fixture
def make(tmp_path, empty_database, monkeypatch):
    """Make a project with one model, in a folder of its own."""
    monkeypatch.setattr(looks, "EfficientNetConfig", Pixels)

    def make(name, model=VAE, *, split=None, subjects=8, slices=4, **training) -> Project:
        root = tmp_path / name
        root.mkdir()
        shutil.copyfile(empty_database, root / "mlflow.db")
        values = {
            "sources": {"phantoms": {"layout": "ixi", "path": "data"}},
            "datasets": {"discs": {"source": "phantoms", "size": 32}},
            "models": {"model": model | {"training": {"batch_size": 4} | training}},
        }
        (root / "params.yaml").write_text(json.dumps(values))
        project = load_project(root)
        options = {"split": split} if split else {}
        slice_store(project.processed("discs"), subjects=subjects, slices=slices, **options)
        return project

    return make


def job_of(project: Project) -> TrainingJob:
    store = SliceStore(project.processed("discs"))
    return TrainingJob(project, "model", project.model_config("model"), store, CPU)


def history(project: Project) -> list[dict[str, str]]:
    with (project.model_folder("model") / "history.csv").open() as file:
        return list(csv.DictReader(file))


def weights(project: Project) -> dict[str, torch.Tensor]:
    return load_file(project.bundle("model") / "weights.safetensors")


def timing(project: Project) -> dict[str, float]:
    return json.loads((project.model_folder("model") / "timing.json").read_text())


def plant(network: nn.Module, brightness: float) -> None:
    """Let a network make images of one brightness, whatever the noise."""
    with torch.no_grad():
        *_, (weight, bias) = [
            (module.weight, module.bias)
            for module in network.modules()
            if isinstance(module, nn.Conv2d | nn.ConvTranspose2d)
        ]
        weight.zero_()
        bias.fill_(torch.tensor(brightness).logit())


def test_the_best_of_weights_that_become_better_and_then_worse_is_kept(make):
    job = job_of(make("planted", **JUDGED | {"epochs": 4}))
    state, course = job.prepare(), start_course(job)
    rows = job.store.positions("validation")
    grey = float(from_integers(job.store.read(rows)).mean())
    sequence = [(0.9, 0.8), (0.7, grey), (0.8, 0.9), (0.99, 0.95)]
    for epoch, brightness in enumerate(sequence, start=1):
        for network, level in zip(state.candidates, brightness, strict=True):
            plant(network, level)
        end_epoch(job, state, course, Progress(epoch, epoch, 4 * epoch, {"loss": 1.0}))

    network = copy.deepcopy(state.final_network)
    assert finish_network(job, network, course.best, 4) == 2
    assert course.looks is not None
    assert (course.looks.epoch, course.looks.place) == (2, 1)
    noise = torch.randn(3, *network.noise_shape, generator=torch.Generator().manual_seed(0))
    assert network.sample(noise).mean().item() == pytest.approx(grey, abs=0.01)
    names = [f"validation/kernel_distance_{share}" for share in HALF_LIVES]
    found = [row[name] for row in course.history for name in names]
    assert min(found) == found[3] == course.looks.best
    assert found[0] > found[3] < found[5]


def test_what_is_kept_is_what_the_curves_call_best_and_is_told_everywhere(make, caplog):
    caplog.set_level(logging.INFO, logger="mrigen.stages.training_result")
    project = make("judged", **JUDGED)
    digest = train(project, "model", runtime=CPU, progress=False)

    found = {
        (epoch, share): float(row[f"validation/kernel_distance_{share}"])
        for epoch, row in enumerate(history(project), start=1)
        for share in HALF_LIVES
    }
    assert len(found) == 6
    (epoch, share) = min(found, key=found.__getitem__)
    kept = {
        "kept_epoch": epoch,
        "kept_half_life": float(share),
        "kept_kernel_distance": found[epoch, share],
    }
    assert kept.items() <= load_bundle(project.bundle("model")).card.items()
    run = connect(project.root).find_run({"mrigen.bundle": digest})
    assert run is not None
    assert {
        f"mrigen.{name}": str(value) for name, value in kept.items()
    }.items() <= run.tags.items()
    assert run.metrics[f"validation/kernel_distance_{share}"] == found[3, share]
    assert f"epoch {epoch}, half life {share}, kernel distance" in caplog.text
    assert not list(project.checkpoint("model").parent.glob("*.safetensors"))

    # The same weights as those of a training that ends there and has one average.
    shorter = make("shorter", epochs=epoch, ema_half_lives=[float(share)])
    train(shorter, "model", runtime=CPU, progress=False)
    assert weights(project).keys() == weights(shorter).keys()
    for name, tensor in weights(shorter).items():
        assert torch.equal(weights(project)[name], tensor), name
    for one, other in zip(history(project), history(shorter), strict=False):
        assert other.items() >= {k: v for k, v in one.items() if k.startswith("train/")}.items()


def test_looking_is_no_training_time(make, monkeypatch):
    job = job_of(make("timed", **JUDGED))
    state, clock = job.prepare(), [0.0]
    monkeypatch.setattr(time, "perf_counter", lambda: clock[0])
    course, score = start_course(job), looks.Looks._score

    def slow_score(self, network, step):
        clock[0] += 100
        return score(self, network, step)

    monkeypatch.setattr(looks.Looks, "_score", slow_score)
    for epoch in (1, 2):
        clock[0] += 1
        end_epoch(job, state, course, Progress(epoch, epoch, 4 * epoch, {"loss": 1.0}))
    assert course.clock.seconds == 2
    assert course.looks.seconds == 400


def test_only_a_training_with_looks_tells_what_they_took(make):
    judged, plain = make("judged", **JUDGED | {"epochs": 1}), make("plain", epochs=1)
    for project in (judged, plain):
        train(project, "model", runtime=CPU, progress=False)
    assert timing(judged)["look_seconds"] > 0
    assert "look_seconds" not in timing(plain)
    (run,) = connect(judged.root).client.search_runs(["1"])
    assert run.data.metrics["look_seconds"] == timing(judged)["look_seconds"]


SCRIPT = """
import sys, pathlib, torch
torch.set_num_threads(1)
sys.path.insert(0, sys.argv[2])
from test_looks import Pixels
from mrigen.stages import looks, training_session
looks.EfficientNetConfig = Pixels
training_session.CHECKPOINT_SECONDS = 0.0
training_session.SAVE_SHARE = 0
from mrigen.project import load_project
from mrigen.stages.train import train
from mrigen.training.runtime import choose_runtime
project = load_project(pathlib.Path(sys.argv[1]))
train(project, "model", runtime=choose_runtime(device="cpu"), progress=False)
"""


def test_a_kill_after_a_look_changes_nothing(make, quiet_environment):
    settings = JUDGED | {"epochs": 12}
    unbroken = make("unbroken", **settings)
    expected = train(unbroken, "model", runtime=CPU, progress=False)

    project = make("killed", **settings)
    here = Path(__file__).parent
    paths = os.pathsep.join([str(here.parent), quiet_environment.get("PYTHONPATH", "")])
    process = subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(project.root), str(here)],
        env=quiet_environment | {"PYTHONPATH": paths},
    )
    checkpoint = project.checkpoint("model")
    extra = {}
    while len(extra.get("history", [])) < 2:
        assert process.poll() is None, "training ended before it could be killed"
        time.sleep(0.02)
        if checkpoint.exists():
            _, extra = read_extra(checkpoint)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    _, extra = read_extra(checkpoint)
    epochs = len(extra["history"])
    assert 2 <= epochs < 12
    kept = extra["looks"]["epoch"]
    assert load_file(checkpoint.with_name(f"model.best-{kept}.safetensors"))

    assert train(project, "model", runtime=CPU, progress=False) == expected
    assert history(project) == history(unbroken)
    cards = [load_bundle(each.bundle("model")).card for each in (project, unbroken)]
    assert cards[0] == cards[1]
    assert not list(checkpoint.parent.glob("*.safetensors"))
    assert timing(project)["look_seconds"] > extra["looks"]["seconds"] > 0


def test_a_checkpoint_that_cannot_be_written_leaves_the_one_before_usable(make, monkeypatch):
    def ever_better(self, network, step):
        return 1 / step

    monkeypatch.setattr(looks.Looks, "_score", ever_better)
    settings = JUDGED | {"epochs": 4}
    unbroken = make("unbroken", **settings)
    expected = train(unbroken, "model", runtime=CPU, progress=False)

    project, save = make("full", **settings), training_session.save_state

    def fail_after_the_third_epoch(state, path, extra):
        if len(extra["history"]) == 3:
            raise OSError("no space left")
        save(state, path, extra)

    with monkeypatch.context() as patch:
        patch.setattr(training_session, "CHECKPOINT_SECONDS", 0.0)
        patch.setattr(training_session, "SAVE_SHARE", 0)
        patch.setattr(training_session, "save_state", fail_after_the_third_epoch)
        with pytest.raises(OSError, match="no space left"):
            train(project, "model", runtime=CPU, progress=False)
    _, extra = read_extra(project.checkpoint("model"))
    assert extra["looks"]["epoch"] == 2
    files = project.checkpoint("model").parent.glob("model.best-*.safetensors")
    # That of the checkpoint, and one that no checkpoint names.
    assert {path.stem for path in files} == {"model.best-2", "model.best-3"}
    assert train(project, "model", runtime=CPU, progress=False) == expected
    assert history(project) == history(unbroken)
    assert not list(project.checkpoint("model").parent.glob("*.safetensors"))


def test_a_game_of_several_losses_can_be_judged(make):
    project = make("game", GAN, **JUDGED | {"ema_half_lives": None, "ema_decay": 0.9})
    train(project, "model", runtime=CPU, progress=False)
    scores = [float(row["validation/kernel_distance"]) for row in history(project)]
    card = load_bundle(project.bundle("model")).card
    assert card["kept_epoch"] == 1 + scores.index(min(scores))
    assert "kept_half_life" not in card


def test_a_training_that_stops_early_is_looked_at_where_it_stops(make):
    looking = {"looks": {"every": 50, "start": 0.9, "samples": 16}, "epochs": 40}
    project = make("early", **JUDGED | looking, early_stopping={"patience": 1, "min_delta": 1e9})
    train(project, "model", runtime=CPU, progress=False)
    rows = history(project)
    assert len(rows) == 2
    looked = [bool(row["validation/kernel_distance_0.05"]) for row in rows]
    assert looked == [False, True]
    assert load_bundle(project.bundle("model")).card["kept_epoch"] == 2


def test_with_nothing_to_choose_the_first_average_is_kept(make):
    project = make("last", epochs=1, ema_half_lives=[0.3, 0.05])
    train(project, "model", runtime=CPU, progress=False)
    assert load_bundle(project.bundle("model")).card["kept_half_life"] == 0.3
    alone = make("alone", epochs=1, ema_half_lives=[0.3])
    train(alone, "model", runtime=CPU, progress=False)
    assert all(torch.equal(weights(alone)[name], t) for name, t in weights(project).items())


NO_VALIDATION = {"train": 0.5, "validation": 0, "test": 0.5}


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"model": UNET}, "the network 'unet' makes no images"),
        ({"split": NO_VALIDATION}, "has no validation slices: expected at least 2"),
        ({"slices": 1}, "has one validation slice: expected at least 2"),
    ],
)
def test_what_cannot_be_judged_by_images_is_refused_before_anything_begins(options, words, make):
    project = make("refused", **options, **JUDGED)
    with pytest.raises(ConfigError, match=f"'judged_by: kernel_distance', but .*{words}"):
        train(project, "model", runtime=CPU, progress=False)
    with pytest.raises(ConfigError, match=words):
        job_of(project).check()
    client = connect(project.root).client
    assert client.get_experiment_by_name("mrigen") is None
