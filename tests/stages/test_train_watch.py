"""What the training stage does with the validation loss, and with a loss that is no number."""

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from typing import Protocol

import pytest
import torch
from safetensors.torch import load_file

from mrigen.bundle import load_bundle
from mrigen.cli import main
from mrigen.errors import ConfigError, ModelError
from mrigen.objectives.reconstruction import Reconstruction
from mrigen.project import Project, load_project
from mrigen.stages import training_epochs as stage
from mrigen.stages import training_session
from mrigen.stages.train import train
from mrigen.tracking.tracker import connect
from mrigen.training.checkpoint import read_extra
from mrigen.training.runtime import choose_runtime
from phantoms import slice_store

CPU = choose_runtime(device="cpu")
UNET = {
    "dataset": "discs",
    "network": {"name": "unet", "base_channels": 2, "depth": 2},
    "objective": {"name": "reconstruction"},
    "corruption": [{"name": "line_patch"}],
    "evaluation": {},
    "gate": {},
}
CODES = UNET | {
    "network": {
        "name": "vqvae", "base_channels": 2, "depth": 3, "latent_size": 2, "num_codes": 4,
        "code_prior": {"width": 4, "layers": 1, "heads": 1},
    },
    "objective": {"name": "quantized", "prior_share": 0.5},
    "corruption": None,
}  # fmt: skip
GAN = UNET | {
    "network": {"name": "feliu_gan", "latent_size": 4, "base_channels": 2},
    "objective": {"name": "adversarial"},
    "corruption": None,
}


class Maker(Protocol):
    """Makes a project with one model, in a folder of its own."""

    def __call__(
        self, name: str, model: dict = UNET, *, split: dict | None = None, **training: object
    ) -> Project: ...


@pytest.fixture
def make(tmp_path, empty_database) -> Maker:
    def make(name, model=UNET, *, split=None, **training):
        root = tmp_path / name
        root.mkdir()
        shutil.copyfile(empty_database, root / "mlflow.db")
        base = {"epochs": 2, "batch_size": 4, "learning_rate": 0.01, "ema_decay": None}
        values = {
            "sources": {"phantoms": {"layout": "ixi", "path": "data"}},
            "datasets": {"discs": {"source": "phantoms", "size": 32}},
            "models": {"model": model | {"training": base | training}},
        }
        (root / "params.yaml").write_text(json.dumps(values))
        project = load_project(root)
        slice_store(project.processed("discs"), subjects=8, **({"split": split} if split else {}))
        return project

    return make


def script_losses(monkeypatch: pytest.MonkeyPatch, *losses: float) -> None:
    """Let validation find these losses, epoch by epoch."""
    coming = iter(losses)

    def scripted(objective, batches, **more):
        return {"loss": next(coming)}

    monkeypatch.setattr(stage, "validate", scripted)


def history(project: Project) -> list[dict[str, str]]:
    with (project.model_folder("model") / "history.csv").open() as file:
        return list(csv.DictReader(file))


def weights(project: Project) -> dict[str, torch.Tensor]:
    return load_file(project.bundle("model") / "weights.safetensors")


def same_weights(first: Project, second: Project) -> bool:
    left, right = weights(first), weights(second)
    return left.keys() == right.keys() and all(torch.equal(left[k], right[k]) for k in left)


def runs(project: Project) -> list:
    client = connect(project.root).client
    experiment = client.get_experiment_by_name("mrigen")
    return [] if experiment is None else client.search_runs([experiment.experiment_id])


def test_stops_early_and_keeps_the_best_epoch(make, monkeypatch):
    early = {"patience": 3, "min_delta": 1.0}
    stopped = make("stopped", epochs=50, keep="best", early_stopping=early)
    # Better by too little to go on, but better.
    script_losses(monkeypatch, 5, 4.5, 4.7, 4.6)
    digest = train(stopped, "model", runtime=CPU, progress=False)
    assert [row["validation/loss"] for row in history(stopped)] == ["5", "4.5", "4.7", "4.6"]
    assert load_bundle(stopped.bundle("model")).card["kept_epoch"] == 2
    run = connect(stopped.root).find_run({"mrigen.bundle": digest})
    assert run is not None
    assert run.tags["mrigen.kept_epoch"] == "2"
    assert not list(stopped.checkpoint("model").parent.glob("*.safetensors"))

    shorter = make("shorter", epochs=2)
    script_losses(monkeypatch, 5, 4.5)
    train(shorter, "model", runtime=CPU, progress=False)
    assert same_weights(stopped, shorter)


def test_the_average_is_what_is_kept(make, monkeypatch):
    projects = []
    for keep, decay in (("best", 0.9), ("last", 0.9), ("last", None)):
        projects.append(make(f"{keep}{decay}", keep=keep, ema_decay=decay))
        script_losses(monkeypatch, 2, 1)
        train(projects[-1], "model", runtime=CPU, progress=False)
    best, last, plain = projects
    assert same_weights(best, last)
    assert not same_weights(last, plain)


def test_the_rate_falls_on_a_plateau(make, monkeypatch):
    block = {"patience": 2, "factor": 0.1, "min_delta": 0.1, "min_rate": 1e-6}
    project = make("plateau", epochs=5, schedule="plateau", plateau=block)
    script_losses(monkeypatch, 5, 5, 4.95, 5, 5)
    train(project, "model", runtime=CPU, progress=False)
    (run,) = runs(project)
    rates = connect(project.root).client.get_metric_history(run.info.run_id, "learning_rate")
    assert [rate.value for rate in rates] == pytest.approx([0.01, 0.01, 0.01, 1e-3, 1e-3])


WATCHED = {
    "epochs": 12,
    "schedule": "plateau",
    "plateau": {"patience": 3, "factor": 0.5, "min_delta": 0.01},
    "keep": "best",
    "early_stopping": {"patience": 11, "min_delta": 0.01},
    "ema_decay": 0.9,
}
SCRIPT = """
import sys, pathlib, torch
torch.set_num_threads(1)
from mrigen.stages import training_session
training_session.CHECKPOINT_SECONDS = 0.0
training_session.SAVE_SHARE = 0
from mrigen.project import load_project
from mrigen.stages.train import train
from mrigen.training.runtime import choose_runtime
project = load_project(pathlib.Path(sys.argv[1]))
train(project, "model", runtime=choose_runtime(device="cpu"), progress=False)
"""


def test_a_kill_in_the_middle_of_a_wait_changes_nothing(make):
    unbroken = make("unbroken", **WATCHED)
    expected = train(unbroken, "model", runtime=CPU, progress=False)

    project = make("killed", **WATCHED)
    process = subprocess.Popen([sys.executable, "-c", SCRIPT, str(project.root)])
    checkpoint = project.checkpoint("model")
    waiting = False
    while not waiting:
        assert process.poll() is None, "training ended before it could be killed"
        time.sleep(0.02)
        if checkpoint.exists():
            _, extra = read_extra(checkpoint)
            waiting = extra["watch"]["rate_wait"] > 1
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    _, extra = read_extra(checkpoint)
    kept = checkpoint.with_name(f"model.best-{extra['watch']['best_epoch']}.safetensors")
    assert load_file(kept)

    assert train(project, "model", runtime=CPU, progress=False) == expected
    assert same_weights(project, unbroken)
    assert history(project) == history(unbroken)
    assert not list(checkpoint.parent.glob("*.safetensors"))
    (run,) = runs(project)
    assert run.info.status == "FINISHED"


def diverge(monkeypatch: pytest.MonkeyPatch, step: int) -> None:
    """Make the loss of one update not a number."""
    plain, seen = Reconstruction.loss, []

    def loss(self, phase, batch, progress=1.0):
        terms = plain(self, phase, batch, progress)
        if torch.is_grad_enabled():
            seen.append(None)
            if len(seen) == step:
                terms["loss"] = terms["loss"] * float("nan")
        return terms

    monkeypatch.setattr(Reconstruction, "loss", loss)


def test_divergence_names_the_step_and_leaves_a_checkpoint_to_go_on_from(make, monkeypatch):
    project = make("diverged", epochs=4)
    with monkeypatch.context() as patch:
        patch.setattr(training_session, "CHECKPOINT_SECONDS", 0.0)
        patch.setattr(training_session, "SAVE_SHARE", 0)
        diverge(patch, 5)
        with pytest.raises(ModelError) as caught:
            train(project, "model", runtime=CPU, progress=False)
    words = str(caught.value)
    assert "in step 5, where 'loss' is nan" in words
    assert f"'{project.checkpoint('model')}' of step 4" in words
    assert "\n" not in words
    assert not project.bundle("model").exists()
    (run,) = runs(project)
    assert run.info.status == "FAILED"
    step, _ = read_extra(project.checkpoint("model"))
    assert step == 4

    # With the same settings and a loss that is fine, it goes on as if nothing had been.
    unbroken = make("unbroken", epochs=4)
    expected = train(unbroken, "model", runtime=CPU, progress=False)
    assert train(project, "model", runtime=CPU, progress=False) == expected
    assert [run.info.status for run in runs(project)] == ["FINISHED"]


def test_weights_that_are_not_finite_are_never_saved(make, monkeypatch):
    project = make("spoilt", epochs=1)
    plain = torch.optim.Adam.step

    def step(self, closure=None):
        answer = plain(self, closure)
        with torch.no_grad():
            self.param_groups[0]["params"][0][0] = float("inf")
        return answer

    monkeypatch.setattr(torch.optim.Adam, "step", step)
    monkeypatch.setattr(training_session, "CHECKPOINT_SECONDS", 0.0)
    monkeypatch.setattr(training_session, "SAVE_SHARE", 0)
    with pytest.raises(ModelError, match=r"after step 1, where 'network\..*no checkpoint had been"):
        train(project, "model", runtime=CPU, progress=False)
    assert not project.checkpoint("model").exists()


def test_the_command_line_ends_with_one_line(make, monkeypatch, capsys):
    root = make("diverged").root
    diverge(monkeypatch, 1)
    with pytest.raises(SystemExit) as ended:
        main(["-q", "-C", str(root), "train", "model", "--device", "cpu"])
    assert ended.value.code == 2
    assert "no checkpoint had been written" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("training", "words"),
    [
        ({"keep": "best"}, "'keep: best'"),
        ({"early_stopping": {}}, "'early_stopping'"),
        ({"schedule": "plateau"}, "'schedule: plateau'"),
    ],
)
def test_what_needs_a_validation_loss_is_refused_without_one(training, words, make):
    gan = make("gan", GAN, **training)
    with pytest.raises(ConfigError, match=rf"{words}.*several losses \('discriminator', 'gen"):
        train(gan, "model", runtime=CPU, progress=False)
    shares = {"train": 0.5, "validation": 0, "test": 0.5}
    blind = make("blind", split=shares, **training)
    with pytest.raises(ConfigError, match=rf"{words}.*no validation slices"):
        train(blind, "model", runtime=CPU, progress=False)
    assert not runs(gan) + runs(blind)


def test_a_phase_that_starts_late_has_blanks_before(make):
    project = make("codes", CODES, epochs=4)
    train(project, "model", runtime=CPU, progress=False)
    rows = history(project)
    for part in ("train", "validation"):
        assert [bool(row[f"{part}/autoencoder_loss"]) for row in rows] == [True, True, False, False]
        assert [bool(row[f"{part}/prior_loss"]) for row in rows] == [False, False, True, True]
    assert [row["epoch"] for row in rows] == ["1.0", "2.0", "3.0", "4.0"]
