"""How a trial ends: what its study and MLflow are told, and whether the worker goes on."""

import errno

import pytest
import torch

from mrigen.data.store.slice_store import SliceStore
from mrigen.errors import DataError, TrackingError
from mrigen.stages.tuning import attempt as stage
from mrigen.stages.tuning.attempt import Workplace, attempt
from mrigen.stages.tuning.plan import make_scorer, plan_study
from mrigen.stages.tuning.tracking import open_study_run
from mrigen.stages.tuning.trial import Scored
from mrigen.stages.tuning.trial_run import EXPERIMENT
from mrigen.tracking.tracker import connect
from mrigen.training.divergence import DivergenceError
from mrigen.training.runtime import choose_runtime
from mrigen.tuning.records import TrialState
from mrigen.tuning.storage import open_storage
from mrigen.tuning.study import open_study
from searched_project import searched_project

WELL = Scored({"dssim": 0.5, "mse": 1.0}, 3, seconds=2.0, score_seconds=0.5)


@pytest.fixture
def place(store):
    return open_place(searched_project(store))


def open_place(project, *, multi_objective=False):
    plan = plan_study(project, "unet", multi_objective=multi_objective)
    study = open_study(open_storage(project.root, None), plan)
    tracker = connect(project.root)
    slices = SliceStore(project.processed("discs"))
    runtime = choose_runtime(device="cpu")
    return Workplace(
        project=project,
        study=study,
        store=slices,
        scorer=make_scorer(project, project.model_config("unet"), slices, runtime.device),
        runtime=runtime,
        tracker=tracker,
        run=open_study_run(tracker, study, project),
        asked_to_stop=lambda: False,
    )


def run_one(place, total=5):
    with place.study.storage.worker() as worker:
        claimed = place.study.claim(worker, total=total)
        try:
            attempt(place, claimed)
        finally:
            record = place.study.record().trials[claimed.number]
    return record


def mlflow_run(place, record):
    return place.tracker.client.get_run(record.run)


def instead(monkeypatch, error):
    def fail(*_, **__):
        raise error

    monkeypatch.setattr(stage, "train_and_score", fail)


def answer(monkeypatch, scored):
    monkeypatch.setattr(stage, "train_and_score", lambda *_, **__: scored)


def test_a_trial_is_trained_scored_and_told(place):
    record = run_one(place)
    assert record.state is TrialState.COMPLETE
    assert record.baseline
    assert record.looks[3] == record.values[0]
    assert record.seconds > 0
    assert record.score_seconds > 0
    assert record.device
    run = mlflow_run(place, record)
    assert run.info.status == "FINISHED"
    assert run.data.metrics["score"] == record.values[0]
    steps = place.tracker.client.get_metric_history(record.run, "train/loss")
    assert [metric.step for metric in steps] == [1, 2, 3]
    assert place.tracker.client.get_experiment(run.info.experiment_id).name == EXPERIMENT


def test_a_study_of_both_is_told_seconds_of_training_alone(store, monkeypatch):
    place = open_place(searched_project(store), multi_objective=True)
    scores = {"dssim": 0.25, "mse": 1.0}
    answer(monkeypatch, Scored(scores, 3, seconds=12.0, score_seconds=500.0))
    assert run_one(place).values == (0.25, 12.0)


def test_a_trial_that_is_given_up_is_pruned(place, monkeypatch):
    answer(monkeypatch, Scored({"dssim": 0.5, "mse": 1.0}, 1, 2.0, 0.5, given_up=True))
    record = run_one(place)
    assert (record.state, record.reason) == (TrialState.PRUNED, "behind the others after epoch 1")


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (DivergenceError("in step 3"), "diverged in step 3"),
        (torch.OutOfMemoryError("CUDA out of memory. Tried to ..."), "out of memory"),
        (MemoryError(), "out of memory"),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory"), "out of memory"),
        (RuntimeError("could not create a primitive"), "out of memory"),
        (RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling ..."), "out of memory"),
        (OSError(errno.ENOMEM, "Cannot allocate memory"), "out of memory"),
    ],
)
def test_what_parameters_cause_fails_the_trial_and_work_goes_on(error, reason, place, monkeypatch):
    instead(monkeypatch, error)
    record = run_one(place)
    assert (record.state, record.reason) == (TrialState.FAILED, reason)
    assert mlflow_run(place, record).info.status == "FAILED"
    answer(monkeypatch, WELL)
    assert run_one(place).state is TrialState.COMPLETE


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (KeyboardInterrupt(), "interrupted"),
        (DataError("slices are gone."), "slices are gone"),
        (OSError(28, "No space left on device"), "[Errno 28] No space left on device"),
    ],
)
def test_what_parameters_do_not_cause_gives_the_trial_back(error, reason, place, monkeypatch):
    instead(monkeypatch, error)
    with pytest.raises(type(error)):
        run_one(place)
    lost = place.study.record().trials[0]
    assert (lost.state, lost.reason) == (TrialState.LOST, reason)
    assert mlflow_run(place, lost).info.status == "KILLED"
    answer(monkeypatch, WELL)
    again = run_one(place)
    assert (again.retry_of, again.params, again.baseline) == (0, lost.params, True)


def test_a_trial_goes_on_without_mlflow(place, monkeypatch, caplog):
    def refuse(*_):
        raise TrackingError("the MLflow server is away.")

    monkeypatch.setattr(stage, "start_trial_run", refuse)
    record = run_one(place)
    assert (record.state, record.run) == (TrialState.COMPLETE, None)
    assert "the MLflow server is away. Trial 0 has no run in MLflow." in caplog.text


def test_a_defect_fails_the_trial_and_ends_the_worker(place, monkeypatch):
    instead(monkeypatch, ZeroDivisionError("division by zero"))
    with pytest.raises(ZeroDivisionError):
        run_one(place)
    record = place.study.record().trials[0]
    assert record.state is TrialState.FAILED
    assert record.reason == "ZeroDivisionError: division by zero"


def test_parameters_that_do_not_fit_fail_the_trial(place, monkeypatch):
    config = type(place.project.model_config("unet"))
    plain = config.with_parameters
    monkeypatch.setattr(
        config, "with_parameters", lambda self, _: plain(self, {"network.depth": -1})
    )
    record = run_one(place)
    assert record.state is TrialState.FAILED
    assert "network.depth" in record.reason
