"""A training tells its network what the manifest knows, or says why it cannot."""

import json
import shutil

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from mrigen.data.loader import TRAIN, VALIDATION
from mrigen.data.store.slice_store import SliceStore
from mrigen.errors import ConfigError
from mrigen.images import from_integers
from mrigen.models.flow.coefficients import BlockCoefficients
from mrigen.models.interfaces import Condition
from mrigen.project import load_project
from mrigen.stages import training_session
from mrigen.stages.progress import TrainingBar
from mrigen.stages.train import train
from mrigen.stages.training_conditions import require_fit
from mrigen.stages.training_job import TrainingJob
from mrigen.tracking.tracker import connect
from mrigen.training.runtime import choose_runtime
from told_people import CONDITIONS, NAMES, people_store

CPU = choose_runtime(device="cpu")
TOLD = {"position_mm": [0, 50], "age": [20, 90], "sex": True, "modality": ["T2w", "T1w"]}
FLOW = {
    "dataset": "people",
    "network": {
        "name": "flow", "block": 4, "base_channels": 8, "depth": 1, "embedding_size": 16,
        "label_size": 6, "conditions": TOLD,
    },
    "objective": {"name": "flow_matching"},
    "corruption": None,
    "training": {"epochs": 2, "batch_size": 4, "augmentation": {"flip": 0.5, "labelled": True}},
    "evaluation": {},
    "gate": {},
}  # fmt: skip
# With kernels that orthogonal steps move, and two averages.
WIDE = FLOW | {
    "network": FLOW["network"] | {"base_channels": 32},
    "training": FLOW["training"]
    | {"optimizer": "muon", "ema_half_lives": [0.1, 0.4], "clip_norm": 1.0},
}
VAE = FLOW | {
    "network": {"name": "vae", "latent_size": 4, "base_channels": 2, "depth": 2},
    "objective": {"name": "variational"},
    "training": {},
}


@pytest.fixture
def make(tmp_path, empty_database):
    def make(name="project", model=FLOW, **conditions):
        root = tmp_path / name
        root.mkdir()
        shutil.copyfile(empty_database, root / "mlflow.db")
        network = model["network"]
        if conditions:
            network = network | {"conditions": TOLD | conditions}
        values = {
            "sources": {"phantoms": {"layout": "ixi", "path": "data"}},
            "datasets": {"people": {"source": "phantoms", "size": 16}},
            "models": {"model": model | {"network": network}},
        }
        (root / "params.yaml").write_text(json.dumps(values))
        project = load_project(root)
        people_store(project.processed("people"))
        return project

    return make


def job_of(project):
    store = SliceStore(project.processed("people"))
    return TrainingJob(project, "model", project.model_config("model"), store, CPU)


def test_a_network_is_told_what_it_lists(make):
    job = job_of(make())
    assert tuple(condition.name for condition in job.conditions) == NAMES
    for batch in (next(job.training_batches(3)), next(job.validation_batches())):
        assert tuple(batch.conditions) == NAMES
        ages = job.store.manifest["age"].to_numpy(np.float32)[batch.index]
        assert np.array_equal(batch.conditions["age"], ages, equal_nan=True)


def test_a_network_without_conditions_is_told_nothing(make):
    job = job_of(make(model=VAE))
    assert job.conditions == ()
    assert next(job.training_batches()).conditions is None
    alone = job_of(make("alone", model=FLOW | {"network": FLOW["network"] | {"conditions": {}}}))
    assert next(alone.training_batches()).conditions is None


def test_asking_what_a_network_is_told_draws_no_number(make):
    job = job_of(make())
    before = torch.get_rng_state()
    assert job.conditions
    assert torch.equal(torch.get_rng_state(), before)


def test_a_network_measures_the_training_slices_as_they_are_before_it_learns(make):
    job = job_of(make())
    first, again = job.prepare(), job.prepare()
    expected = BlockCoefficients(4, 16, whitening=0.5)
    expected.measure([from_integers(job.store.read(job.store.positions(TRAIN)))[:, None]])
    for network in (first.network, *first.candidates):
        for name, tensor in expected.state_dict().items():
            found = network.coefficients.get_buffer(name)
            torch.testing.assert_close(found, tensor, atol=1e-4, rtol=1e-4)
            assert torch.equal(found, again.network.coefficients.get_buffer(name))


def test_a_training_that_was_killed_ends_with_the_same_bytes(make, monkeypatch):
    expected = train(make("unbroken", WIDE), "model", runtime=CPU, progress=False)
    monkeypatch.setattr(training_session, "CHECKPOINT_SECONDS", 0.0)
    monkeypatch.setattr(training_session, "SAVE_SHARE", 0)
    advance, steps = TrainingBar.advance, []

    def die(bar):
        steps.append(None)
        if len(steps) == 9:  # in the middle of an epoch
            raise MemoryError
        advance(bar)

    monkeypatch.setattr(TrainingBar, "advance", die)
    killed = make("killed", WIDE)
    with pytest.raises(MemoryError):
        train(killed, "model", runtime=CPU, progress=False)
    names = load_file(killed.checkpoint("model")).keys()
    assert any(name.endswith(".momentum") for name in names)
    assert any(name.startswith("average.1.") for name in names)
    assert train(killed, "model", runtime=CPU, progress=False) == expected
    assert len(steps) < 2 * 2 * job_of(killed).steps_per_epoch()


@pytest.mark.parametrize(
    ("conditions", "words"),
    [
        (
            {"age": [22, 90]},
            r"model 'model' can be told 'age' from 22 to 90, but slice 0 of subject "
            r"'phantoms/IXI001' in the \w+ split has 21: expected every slice within the range\. "
            r"Widen 'network\.conditions\.age'\.",
        ),
        (
            {"position_mm": [0, 8]},
            r"'position_mm' from 0 to 8, but slice 3 of subject 'phantoms/IXI\d+' .* has 12: ",
        ),
        (
            {"modality": ["T2w", "FLAIR"]},
            r"'modality' as one of T2w, FLAIR, but there are slices of 'T1w': expected every "
            r"modality of the dataset to be listed\. Add it to 'network\.conditions\.modality'\.",
        ),
    ],
)
def test_what_does_not_fit_the_slices_is_refused_before_any_work(make, conditions, words):
    project = make(**conditions)
    with pytest.raises(ConfigError, match=words):
        train(project, "model", runtime=CPU, progress=False)
    assert connect(project.root).client.get_experiment_by_name("mrigen") is None
    with pytest.raises(ConfigError, match=words):
        job_of(project).check()


@pytest.mark.parametrize("split", [TRAIN, VALIDATION, "test"])
def test_the_slices_of_every_split_have_to_fit(tmp_path, split):
    manifest = people_store(tmp_path / "people").manifest
    chosen = manifest.index[manifest["split"] == split][-1]
    manifest.loc[chosen, "age"] = 90.5
    with pytest.raises(ConfigError, match=rf"in the {split} split has 90\.5: expected"):
        require_fit(manifest, CONDITIONS, model="model")


def test_a_range_holds_its_ends(tmp_path):
    manifest = people_store(tmp_path / "people", age=33.3).manifest
    require_fit(manifest, [Condition("age", 33.3, 40)], model="model")
    require_fit(manifest, [Condition("age", 30, 33.3)], model="model")


@pytest.mark.parametrize("name", ["age", "sex", "position_mm"])
def test_what_is_known_of_no_training_slice_is_refused(tmp_path, name):
    manifest = people_store(tmp_path / "people").manifest
    manifest.loc[manifest["split"] == TRAIN, name] = None
    with pytest.raises(
        ConfigError,
        match=rf"model 'model' can be told '{name}', which is known of no training slice: "
        rf"expected some\. Remove the key 'network\.conditions\.{name}'\.",
    ):
        require_fit(manifest, CONDITIONS, model="model")
