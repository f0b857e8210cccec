import math
import sqlite3
import subprocess
import sys
import time

import pytest

from mrigen.errors import TrackingError
from mrigen.models.vae import VAEConfig
from mrigen.tracking import run as run_module
from mrigen.tracking.run import flatten
from mrigen.tracking.tracker import connect

WRITER = """
import sys
from pathlib import Path
from mrigen.tracking.tracker import connect
print("ready", flush=True)
sys.stdin.readline()
with connect(Path(sys.argv[1])).start_run(name=sys.argv[2]) as run:
    run.log_metrics({"loss": 1.0}, step=1)
"""


@pytest.fixture
def tracker(store):
    return connect(store)


def history(tracker, run, name):
    return [(one.step, one.value) for one in tracker.client.get_metric_history(run.id, name)]


def status(tracker, run):
    return tracker.client.get_run(run.id).info.status


def test_processes_that_start_cold_at_once_all_log(tmp_path, quiet_environment):
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, str(tmp_path), f"writer{number}"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            text=True, env=quiet_environment,
        )
        for number in range(3)
    ]  # fmt: skip
    for writer in writers:
        assert writer.stdout.readline() == "ready\n"
    for writer in writers:
        writer.stdin.write("\n")
        writer.stdin.flush()
    for writer in writers:
        _, errors = writer.communicate(timeout=120)
        assert writer.returncode == 0, errors
    client = connect(tmp_path).client
    experiment = client.get_experiment_by_name("mrigen")
    runs = client.search_runs([experiment.experiment_id])
    assert sorted(run.info.run_name for run in runs) == [f"writer{n}" for n in range(3)]
    assert all(run.data.metrics == {"loss": 1.0} for run in runs)


def test_the_store_and_its_artifacts_stay_in_the_project(store, tmp_path, monkeypatch):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    (tmp_path / "note.txt").write_text("hello")
    with connect(store).start_run(name="vae") as run:
        run.log_artifact(tmp_path / "note.txt", "notes")
        run.log_artifact(store / "mlflow.lock")
    found = [path.relative_to(store).parts[:2] for path in store.rglob("note.txt")]
    assert found == [("mlartifacts", "mrigen")]
    assert list(elsewhere.iterdir()) == []


def test_a_folder_is_logged_with_what_is_in_it(tracker, tmp_path):
    (tmp_path / "pictures").mkdir()
    (tmp_path / "pictures" / "a.txt").write_text("a")
    with tracker.start_run(name="vae") as run:
        run.log_artifact(tmp_path / "pictures", "evaluation")
    artifacts = tracker.client.list_artifacts(run.id, "evaluation")
    assert [artifact.path for artifact in artifacts] == ["evaluation/a.txt"]


def test_parameters_are_flattened(tracker):
    network = VAEConfig(name="vae", latent_size=4)
    params = {"network": network, "betas": (0.5, 0.9), "corruption": None, "amp": True, "gate": {}}
    with tracker.start_run(name="vae", params=params) as run:
        pass
    assert run.params == {
        "network.name": "vae",
        "network.latent_size": "4",
        "network.base_channels": "16",
        "network.depth": "5",
        "network.pixel_scale": "1.0",
        "network.label_size": "0",
        "network.sampling.name": "prior",
        "betas": "[0.5, 0.9]",
        "corruption": "null",
        "amp": "true",
        "gate": "{}",
    }


def test_many_and_long_parameters_fit(tracker):
    params = {f"p{number}": number for number in range(250)} | {"long": "x" * 10_000}
    with tracker.start_run(name="vae", params=params) as run:
        pass
    assert len(run.params) == 251
    assert run.params["long"] == "x" * 6000


def test_flatten_keeps_every_value():
    assert flatten({"a": {"b": {"c": 1}, "d": "text"}}) == {"a.b.c": "1", "a.d": "text"}


def test_metrics_arrive_complete_and_in_order(tracker):
    with tracker.start_run(name="vae") as run:
        for step in range(1500):
            run.log_metrics({"loss": step / 2, "other": 1.0}, step=step)
    assert history(tracker, run, "loss") == [(step, step / 2) for step in range(1500)]
    assert len(history(tracker, run, "other")) == 1500


def test_metrics_are_sent_while_the_run_goes_on(tracker, monkeypatch):
    monkeypatch.setattr(run_module, "FLUSH_SECONDS", 0.01)
    run = tracker.start_run(name="vae")
    for step in range(3):
        run.log_metrics({"loss": 1.0}, step=step)
        for _ in range(1000):
            if len(history(tracker, run, "loss")) == step + 1:
                break
            time.sleep(0.01)
    assert len(history(tracker, run, "loss")) == 3
    run.close()


def test_metrics_that_are_not_numbers_are_logged(tracker):
    with tracker.start_run(name="vae") as run:
        run.log_metrics({"loss": math.nan})
    assert math.isnan(run.metrics["loss"])


def test_metrics_logged_after_the_end_are_sent_too(tracker):
    with tracker.start_run(name="vae") as run:
        run.log_metrics({"loss": 1.0}, step=0)
    run.log_metrics({"score": 2.0})
    run.flush()
    assert run.metrics == {"loss": 1.0, "score": 2.0}


@pytest.mark.parametrize(
    ("error", "expected"),
    [(None, "FINISHED"), (ValueError, "FAILED"), (KeyboardInterrupt, "KILLED")],
)
def test_a_run_ends_as_its_block_does_and_loses_nothing(tracker, error, expected):
    run = tracker.start_run(name="vae")
    try:
        with run:
            run.log_metrics({"loss": 1.0}, step=7)
            if error is not None:
                raise error
    except (ValueError, KeyboardInterrupt):
        pass
    assert status(tracker, run) == expected
    assert history(tracker, run, "loss") == [(7, 1.0)]


def test_what_the_store_refuses_is_kept_until_it_accepts_it(store, tracker):
    run = tracker.start_run(name="vae")
    run.log_metrics({"loss": 1.0}, step=1)
    with sqlite3.connect(store / "mlflow.db") as database:
        database.execute("ALTER TABLE metrics RENAME TO away")
    with pytest.raises(TrackingError, match="refused"):
        run.flush()
    run.log_metrics({"loss": 2.0}, step=2)
    with sqlite3.connect(store / "mlflow.db") as database:
        database.execute("ALTER TABLE away RENAME TO metrics")
    run.close()
    assert history(tracker, run, "loss") == [(1, 1.0), (2, 2.0)]


def test_an_error_of_the_store_does_not_hide_the_first_one(store, tracker):
    run = tracker.start_run(name="vae")
    with pytest.raises(ValueError, match="the real one"), run:  # noqa: PT012 - in this order
        run.log_metrics({"loss": 1.0})
        with sqlite3.connect(store / "mlflow.db") as database:
            database.execute("ALTER TABLE metrics RENAME TO away")
        raise ValueError("the real one")


def test_a_resumed_run_does_not_log_a_step_twice(tracker):
    with tracker.start_run(name="vae") as first:
        for step in range(5):
            first.log_metrics({"loss": float(step)}, step=step)
    resumed = tracker.resume_run(first.id)
    assert status(tracker, resumed) == "RUNNING"
    with resumed:
        for step in range(3, 8):
            resumed.log_metrics({"loss": float(step), "new": 1.0}, step=step)
    assert history(tracker, first, "loss") == [(step, float(step)) for step in range(8)]
    assert [step for step, _ in history(tracker, first, "new")] == [3, 4, 5, 6, 7]


def test_a_run_the_store_does_not_have_cannot_be_resumed(tracker):
    assert tracker.resume_run("0" * 32) is None
    with tracker.start_run(name="vae") as run:
        pass
    tracker.client.delete_run(run.id)
    assert tracker.resume_run(run.id) is None


def test_the_latest_run_with_the_tags_is_found(tracker):
    assert tracker.find_run({"mrigen.bundle": "a"}) is None
    for name, digest in (("one", "a"), ("two", "b"), ("three", "a")):
        with tracker.start_run(name=name, tags={"mrigen.bundle": digest, "kind": "x"}) as run:
            time.sleep(0.002)  # MLflow tells runs apart by milliseconds
    assert tracker.find_run({"mrigen.bundle": "a", "kind": "x"}).id == run.id
    assert tracker.find_run({"mrigen.bundle": "a", "kind": "y"}) is None
    assert tracker.find_run({"mrigen.bundle": "b"}).tags["mlflow.runName"] == "two"


def test_runs_that_have_not_ended_are_found_by_their_tags(tracker):
    mine, other = {"kind": "trial", "of": "a"}, {"kind": "trial", "of": "b"}
    first, ended, last = (tracker.start_run(name="vae", tags=mine) for _ in range(3))
    tracker.start_run(name="vae", tags=other)
    ended.close()
    assert {run.id for run in tracker.find_open_runs(mine)} == {first.id, last.id}
    assert tracker.find_open_runs(mine, experiment="elsewhere") == []


def test_tags_are_replaced(tracker):
    with tracker.start_run(name="vae", tags={"mrigen.bundle": "a"}) as run:
        run.set_tags({"mrigen.bundle": "b"})
    assert run.tags["mrigen.bundle"] == "b"


def test_a_store_of_a_newer_mlflow_is_refused_in_a_sentence(store):
    with sqlite3.connect(store / "mlflow.db") as database:
        database.execute("UPDATE alembic_version SET version_num = 'ffffffffffff'")
    with pytest.raises(TrackingError, match="another version of MLflow"):
        connect(store)


def test_a_server_that_is_not_there_is_reported_before_any_work(tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    with pytest.raises(TrackingError, match="cannot be reached"):
        connect(tmp_path)


def test_a_deleted_experiment_is_reported(tracker):
    with tracker.start_run(name="vae"):
        pass
    experiment = tracker.client.get_experiment_by_name("mrigen")
    tracker.client.delete_experiment(experiment.experiment_id)
    with pytest.raises(TrackingError, match="mlflow experiments restore"):
        tracker.start_run(name="vae")


def test_importing_tracking_does_not_import_mlflow(quiet_environment):
    code = "import sys, mrigen.tracking.tracker; sys.exit('mlflow' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, env=quiet_environment)


def test_a_run_whose_beginning_is_interrupted_is_ended(tracker, monkeypatch):
    def interrupt(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(type(tracker.client), "log_batch", interrupt)
    with pytest.raises(KeyboardInterrupt):
        tracker.start_run(name="vae", tags={"kind": "cut off"}, params={"seed": 1})
    assert status(tracker, tracker.find_run({"kind": "cut off"})) == "KILLED"
