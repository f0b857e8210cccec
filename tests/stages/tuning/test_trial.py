"""A trial trains as any training does, and is scored beside it."""

import hashlib
import json
from pathlib import Path

import pytest
import torch
import yaml
from safetensors.torch import load_file

from mrigen.data.store.slice_store import SliceStore
from mrigen.errors import ModelError
from mrigen.project import load_project
from mrigen.stages.train import train
from mrigen.stages.training_job import TrainingJob
from mrigen.stages.tuning.trial import train_and_score
from mrigen.training.divergence import DivergenceError
from mrigen.training.runtime import choose_runtime
from phantoms import slice_store

CPU = choose_runtime(device="cpu")
SHARED = {"dataset": "discs", "corruption": None, "evaluation": {}, "gate": {}}
MODELS = {
    "vae": {
        "network": {
            "name": "vae", "latent_size": 4, "base_channels": 2, "depth": 3,
            "sampling": {"name": "mixture", "components": 2},
        },
        "objective": {"name": "variational"},
        "training": {"epochs": 3, "batch_size": 4},
    },
    "vqvae": {
        "network": {
            "name": "vqvae", "base_channels": 4, "depth": 2, "num_codes": 8, "codebook": "ema",
            "code_prior": {"width": 8, "layers": 1, "heads": 1},
        },
        "objective": {"name": "quantized"},
        "training": {"epochs": 3, "batch_size": 4, "ema_decay": None},
    },
    "gan": {
        "network": {"name": "feliu_gan", "latent_size": 4, "base_channels": 2},
        "objective": {"name": "adversarial", "r1_weight": 0.1},
        "training": {"epochs": 3, "batch_size": 4},
    },
    "unet": {
        "network": {"name": "unet", "base_channels": 2, "depth": 2, "dropout": 0.2},
        "objective": {"name": "reconstruction"},
        "corruption": [{"name": "line_patch"}],
        "training": {"epochs": 3, "batch_size": 4, "keep": "best", "learning_rate": 0.05},
    },
}  # fmt: skip
# Judged by its images after the second and the last epoch.
MODELS["judged"] = MODELS["vae"] | {
    "training": {
        "epochs": 3, "batch_size": 4, "ema_half_lives": [0.1, 0.5], "keep": "best",
        "judged_by": "kernel_distance", "looks": {"every": 1, "start": 0.5, "samples": 16},
    },
}  # fmt: skip


def make_project(root: Path):
    values = {
        "sources": {"phantoms": {"layout": "ixi", "path": "data"}},
        "datasets": {"discs": {"source": "phantoms", "size": 32}},
        "models": {name: SHARED | model for name, model in MODELS.items()},
    }
    (root / "params.yaml").write_text(yaml.safe_dump(json.loads(json.dumps(values))))
    project = load_project(root)
    slice_store(project.processed("discs"))
    return project


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    return make_project(tmp_path_factory.mktemp("project"))


def job_of(project, model, **training):
    config = project.model_config(model)
    changed = config.training.model_copy(update=training)
    config = config.model_copy(update={"training": changed})
    return TrainingJob(project, model, config, SliceStore(project.processed("discs")), CPU)


def digest(weights):
    whole = hashlib.sha256()
    for name in sorted(weights):
        whole.update(name.encode() + weights[name].contiguous().numpy().tobytes())
    return whole.hexdigest()


class Scorer:
    """Keeps what it was given, and draws from the default generator as a careless one would."""

    def __init__(self, score=lambda: 0.5):
        self.score, self.seen = score, []

    def __call__(self, network):
        torch.randn(7)
        assert not any(module.training for module in network.modules())
        self.seen.append(digest(network.state_dict()))
        with torch.no_grad():
            for parameter in network.parameters():
                parameter.zero_()
        return {"frechet_distance": self.score()}


@pytest.mark.parametrize("model", MODELS)
def test_leaves_the_bytes_that_train_leaves_whatever_is_scored(model, project):
    train(project, model, runtime=CPU, progress=False)
    expected = digest(load_file(project.bundle(model) / "weights.safetensors"))
    scorer = Scorer()
    train_and_score(job_of(project, model), scorer, looks=(1, 2, 3), look=lambda *_: False)
    assert len(scorer.seen) == 3
    assert scorer.seen[-1] == expected
    assert not project.checkpoint(model).exists()


def test_looks_are_told_and_the_end_is_returned(project):
    told, numbers = [], iter([3.0, 2.0, 1.0])
    scorer = Scorer(lambda: next(numbers))
    scored = train_and_score(
        job_of(project, "vae"),
        scorer,
        looks=(1, 2, 3),
        look=lambda scores, epoch: told.append((scores, epoch)),
    )
    assert told == [({"frechet_distance": 3.0}, 1), ({"frechet_distance": 2.0}, 2)]
    assert scored.scores == {"frechet_distance": 1.0}
    assert (scored.epoch, scored.given_up) == (3, False)
    assert scored.seconds > 0
    assert scored.score_seconds > 0


def test_a_look_ends_the_training(project):
    scorer = Scorer()
    scored = train_and_score(
        job_of(project, "vae"), scorer, looks=(1, 2), look=lambda _, epoch: epoch == 2
    )
    assert (scored.epoch, scored.given_up, len(scorer.seen)) == (2, True, 2)


def test_stops_between_two_updates_when_asked(project):
    answers = iter([False, False, True])
    with pytest.raises(KeyboardInterrupt):
        train_and_score(job_of(project, "vae"), Scorer(), asked_to_stop=lambda: next(answers))
    assert next(answers, None) is None


def test_a_training_that_diverges_is_told(project):
    job = job_of(project, "vae", learning_rate=1e30, ema_decay=None)
    with pytest.raises(DivergenceError, match="diverged"):
        train_and_score(job, Scorer())


def test_a_score_that_is_no_number_is_told(project):
    with pytest.raises(ModelError, match="'frechet_distance' is nan after epoch 3"):
        train_and_score(job_of(project, "vae"), Scorer(lambda: float("nan")))
