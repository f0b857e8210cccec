"""A study and its trials as MLflow has them."""

import logging
import sqlite3
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
import torch

from made_studies import BASELINE, SEARCH, made_study
from mrigen import __version__
from mrigen.data.store.slice_store import SliceStore
from mrigen.project import Project
from mrigen.stages.training_job import TrainingJob
from mrigen.stages.tuning.tracking import close_lost_runs, log_study, open_study_run
from mrigen.stages.tuning.trial_run import (
    EXPERIMENT,
    end_trial_run,
    log_scores,
    start_trial_run,
)
from mrigen.tracking.tracker import connect
from mrigen.training.runtime import choose_runtime
from mrigen.tuning.plan import StudyPlan
from mrigen.tuning.records import StudyRecord, TrialRecord, TrialState
from tiny_project import params, write_slices

NINE = datetime(2026, 3, 1, 9, tzinfo=UTC)
COMPLETE = TrialRecord(0, TrialState.COMPLETE, BASELINE, (7.0,), {1: 9.0, 2: 7.0}, seconds=3.0)
ENDS = {
    "complete": (COMPLETE, "FINISHED"),
    "pruned": (TrialRecord(0, TrialState.PRUNED, BASELINE, looks={1: 9.0}), "FINISHED"),
    "failed": (TrialRecord(0, TrialState.FAILED, BASELINE, reason="out of memory"), "FAILED"),
    "lost": (TrialRecord(0, TrialState.LOST, BASELINE, reason="interrupted"), "KILLED"),
}


@pytest.fixture
def tracker(store):
    return connect(store)


@pytest.fixture
def project(store):
    return Project(store, params())


@pytest.fixture
def job(project):
    write_slices(project)
    slices = SliceStore(project.processed("heads"))
    config = project.model_config("vae").with_parameters({"network.latent_size": 12})
    return TrainingJob(project, "vae", config, slices, choose_runtime(device="cpu"))


def shared_study(run=None, name="vae-12345678-abcdefab"):
    plan = StudyPlan(
        name=name, model="vae", dataset="heads", data="1" * 64, objectives=("frechet_distance",),
        search=SEARCH, epochs=27, baseline=BASELINE, space="a" * 64,
    )  # fmt: skip
    return SimpleNamespace(plan=plan, run=run)


def claimed(number=0, retry_of=None):
    searched = {"network.latent_size": 12, "training.betas.0": 0.5}
    return SimpleNamespace(number=number, params=searched, baseline=number == 0, retry_of=retry_of)


def stored(tracker, run_id):
    return tracker.client.get_run(run_id)


def children(tracker, order="metrics.score ASC"):
    found = tracker.client.get_experiment_by_name(EXPERIMENT)
    trials = "tags.`mrigen.trial` != ''"
    return tracker.client.search_runs([found.experiment_id], trials, order_by=[order])


def with_trials(*trials):
    return StudyRecord("s", "vae", "heads", "1", ("frechet_distance",), trials)


def test_a_study_has_one_run_whoever_opens_it(tracker, project):
    study = shared_study()
    first = open_study_run(tracker, study, project)
    tracker.client.set_terminated(first, "KILLED")
    tracker.client.set_tag(first, "mrigen.version", "of old")
    assert open_study_run(connect(project.root), study, project) == first
    run = stored(tracker, first)
    assert (study.run, run.info.status, run.data.tags["mrigen.version"]) == (
        first,
        "RUNNING",
        __version__,
    )
    assert run.info.run_name == study.plan.name


def test_the_run_of_a_study_has_its_space_and_what_stays_as_it_is(tracker, project):
    run = stored(tracker, open_study_run(tracker, shared_study(), project))
    rate = "search.parameters.training.learning_rate"
    assert run.data.params[f"{rate}.float"] == "[0.0003, 0.01]"
    assert run.data.params["network.base_channels"] == "2"
    assert run.data.tags["mrigen.data"] == "1" * 64


def test_a_store_that_lacks_the_run_of_a_study_gets_its_own_once(tracker, project):
    study = shared_study(run="0" * 32)  # of another host's store
    first = open_study_run(tracker, study, project)
    assert study.run == "0" * 32
    assert open_study_run(tracker, study, project) == first


def test_a_new_study_does_not_go_on_with_the_run_of_an_old_one_of_its_name(tracker, project):
    first = open_study_run(tracker, shared_study(), project)
    assert open_study_run(tracker, shared_study(), project) != first


def test_trials_lie_below_their_study_with_all_their_parameters(tracker, project, job):
    parent = open_study_run(tracker, shared_study(), project)
    run = start_trial_run(tracker, parent, job, claimed(3, retry_of=1))
    data = stored(tracker, run.id).data
    assert data.params["network.latent_size"] == "12"
    assert data.params["training.betas.0"] == "0.5"
    assert int(data.params["parameters.trainable"]) > 0
    tags = ("mlflow.parentRunId", "mrigen.trial", "mrigen.baseline", "mrigen.retry_of")
    assert [data.tags[name] for name in tags] == [parent, "3", "false", "1"]


def test_beginning_a_run_leaves_the_random_state_as_it_is(tracker, project, job):
    parent = open_study_run(tracker, shared_study(), project)
    before = torch.random.get_rng_state()
    start_trial_run(tracker, parent, job, claimed())
    assert torch.equal(torch.random.get_rng_state(), before)


@pytest.mark.parametrize(("record", "status"), ENDS.values(), ids=ENDS)
def test_a_run_ends_as_its_trial_did(tracker, project, job, record, status):
    parent = open_study_run(tracker, shared_study(), project)
    run = start_trial_run(tracker, parent, job, claimed())
    end_trial_run(run, record)
    ended = stored(tracker, run.id)
    assert ended.info.status == status
    assert ended.data.tags["mrigen.trial_state"] == record.state.value
    assert ended.data.tags.get("mrigen.reason") == record.reason
    assert ("score" in ended.data.metrics) == (record.state is TrialState.COMPLETE)


def test_runs_can_be_put_in_order_by_score(tracker, project, job):
    parent = open_study_run(tracker, shared_study(), project)
    for number, score in enumerate([5.0, 3.0, 4.0]):
        run = start_trial_run(tracker, parent, job, claimed(number))
        log_scores(run, {"frechet_distance": score + 1, "kernel_distance": 0.1}, 1)
        log_scores(run, {"frechet_distance": score, "kernel_distance": 0.1}, 2)
        end_trial_run(run, replace(COMPLETE, number=number, values=(score,)))
    runs = children(tracker)
    assert [run.data.tags["mrigen.trial"] for run in runs] == ["1", "2", "0"]
    curve = tracker.client.get_metric_history(runs[0].info.run_id, "validation/frechet_distance")
    assert [(point.step, point.value) for point in curve] == [(1, 4.0), (2, 3.0)]
    assert runs[0].data.metrics["seconds"] == 3.0


def test_runs_whose_process_was_killed_are_ended_and_no_others(tracker, project, job):
    parent = open_study_run(tracker, shared_study(), project)
    runs = [start_trial_run(tracker, parent, job, claimed(number)).id for number in range(4)]
    trials = [
        TrialRecord(0, TrialState.LOST, BASELINE, reason="its worker was killed"),
        TrialRecord(1, TrialState.RUNNING, BASELINE),
        replace(COMPLETE, number=2),
    ]
    for _ in range(2):
        close_lost_runs(tracker, with_trials(*trials), run=parent)
    states = [stored(tracker, run).info.status for run in runs]
    assert states == ["KILLED", "RUNNING", "FINISHED", "RUNNING"]
    assert stored(tracker, runs[2]).data.metrics["score"] == 7.0
    assert stored(tracker, parent).info.status == "RUNNING"


def test_a_store_that_fails_at_the_end_of_a_trial_is_a_warning(
    tracker, project, job, caplog, monkeypatch
):
    parent = open_study_run(tracker, shared_study(), project)
    run = start_trial_run(tracker, parent, job, claimed())

    def refuse(*args, **words):
        raise sqlite3.OperationalError("disk I/O error")

    with monkeypatch.context() as patch, caplog.at_level(logging.WARNING):
        patch.setattr(run._client, "log_batch", refuse)
        end_trial_run(run, COMPLETE)
    assert "disk I/O error" in caplog.text
    assert "trial 0" in caplog.text
    close_lost_runs(tracker, with_trials(COMPLETE), run=parent)
    assert stored(tracker, run.id).data.metrics["score"] == 7.0


def test_the_run_of_a_study_shows_its_progress_once_however_often_it_is_told(tracker, project):
    study = shared_study(name=made_study().name)
    run = open_study_run(tracker, study, project)
    for count in (3, 5, 12):
        log_study(tracker, made_study(count), run=run)
    log_study(tracker, made_study(12), run=run)
    record = made_study(12)
    history = tracker.client.get_metric_history(run, "best_score")
    ended = [trial for trial in record.counted if trial.ended is not None]
    assert [point.step for point in history] == list(range(1, len(ended) + 1))
    assert history[-1].value == record.best.values[0]
    tags = stored(tracker, run).data.tags
    assert tags["mrigen.best_trial"] == str(record.best.number)
    assert f"Trial {record.best.number} has the smallest" in tags["mlflow.note.content"]


def test_the_best_score_follows_the_order_in_which_trials_ended(tracker, project):
    study = shared_study(name="s")
    run = open_study_run(tracker, study, project)
    late, early = (
        replace(COMPLETE, number=number, values=(score,), ended=NINE + timedelta(minutes=minute))
        for number, score, minute in ((0, 2.0, 5), (1, 4.0, 1))
    )
    log_study(tracker, with_trials(late, early), run=run)
    values = [point.value for point in tracker.client.get_metric_history(run, "best_score")]
    assert values == [4.0, 2.0]


@pytest.mark.parametrize(
    ("state", "told", "expected"),
    [
        (TrialState.COMPLETE, "FINISHED", "FINISHED"),
        (TrialState.LOST, "KILLED", "KILLED"),
        (TrialState.RUNNING, "FINISHED", "RUNNING"),
    ],
)
def test_the_run_of_a_study_stays_open_while_another_process_is_at_work(
    tracker, project, tmp_path, state, told, expected
):
    run = open_study_run(tracker, shared_study(), project)
    folder = tmp_path / "vae"
    folder.mkdir()
    (folder / "report.html").write_text("page")
    log_study(tracker, with_trials(replace(COMPLETE, state=state)), folder, run=run, status=told)
    assert stored(tracker, run).info.status == expected
    assert [file.path for file in tracker.client.list_artifacts(run)] == ["report.html"]
