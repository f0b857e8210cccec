"""What a training records of the energy it took, interrupted or not."""

import json

import pytest
import yaml

from mrigen.project import load_project
from mrigen.stages import train as stage
from mrigen.stages import training_session
from mrigen.stages.train import train
from mrigen.tracking.tracker import connect
from mrigen.training.runtime import choose_runtime
from phantoms import slice_store

CPU = choose_runtime(device="cpu")
UNET = {
    "dataset": "discs",
    "network": {"name": "unet", "base_channels": 2, "depth": 2},
    "objective": {"name": "reconstruction"},
    "corruption": None,
    "training": {"epochs": 2, "batch_size": 4},
    "evaluation": {},
    "gate": {},
}


class Counter:
    """A hundred joules between any two readings."""

    source, interval_s = "a made-up counter", 60.0

    def __init__(self):
        self.total = 0.0

    def joules(self):
        self.total += 100
        return self.total


@pytest.fixture
def project(store):
    values = {
        "sources": {"phantoms": {"layout": "ixi", "path": "data"}},
        "datasets": {"discs": {"source": "phantoms", "size": 32}},
        "models": {"unet": UNET},
    }
    (store / "params.yaml").write_text(yaml.safe_dump(values))
    project = load_project(store)
    slice_store(project.processed("discs"))
    return project


def timing(project):
    return json.loads((project.model_folder("unet") / "timing.json").read_text())


def test_joules_and_watts_are_recorded(project, monkeypatch):
    monkeypatch.setattr(training_session, "find_counter", lambda _: Counter())
    # However slow the machine, no checkpoint but the one of the end.
    monkeypatch.setattr(training_session, "CHECKPOINT_SECONDS", 1e9)
    digest = train(project, "unet", runtime=CPU, progress=False)
    found = timing(project)
    # Read at the start, at the checkpoint of the end, and for the record.
    assert found["joules"] == 200
    assert found["kilowatt_hours"] == pytest.approx(200 / 3.6e6)
    assert found["mean_watts"] == pytest.approx(200 / found["seconds"])
    assert found["energy_source"] == "a made-up counter"
    run = connect(project.root).find_run({"mrigen.bundle": digest})
    assert run.metrics["joules"] == 200
    assert run.tags["mrigen.energy_source"] == "a made-up counter"


def test_where_nothing_is_readable_it_says_so(project, monkeypatch):
    monkeypatch.setattr(training_session, "find_counter", lambda _: None)
    digest = train(project, "unet", runtime=CPU, progress=False)
    assert timing(project)["energy_source"] == "not readable here"
    assert not {"joules", "kilowatt_hours", "mean_watts"} & timing(project).keys()
    run = connect(project.root).find_run({"mrigen.bundle": digest})
    assert "joules" not in run.metrics
    assert run.tags["mrigen.energy_source"] == "not readable here"


@pytest.mark.parametrize(("first", "joules"), [(Counter(), 300), (None, None)])
def test_a_training_that_goes_on_adds_up(project, monkeypatch, first, joules):
    plain = stage._end_epoch

    def stop(job, state, session, point):
        plain(job, state, session, point)
        training_session.save_session(job, state, session)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(training_session, "find_counter", lambda _: first)
        patch.setattr(stage, "_end_epoch", stop)
        with pytest.raises(KeyboardInterrupt):
            train(project, "unet", runtime=CPU, progress=False)
    monkeypatch.setattr(training_session, "find_counter", lambda _: Counter())
    train(project, "unet", runtime=CPU, progress=False)
    # Without the joules before the interruption, the sum would be too small.
    assert timing(project).get("joules") == joules
