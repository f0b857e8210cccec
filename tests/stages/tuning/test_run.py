"""`mrigen tune` with real workers, from the first trial to the report."""

import pytest
import yaml

from mrigen.config import read_yaml
from mrigen.errors import TrackingError, TuningError
from mrigen.project import load_project
from mrigen.stages.tuning.plan import plan_study
from mrigen.stages.tuning.run import tune
from mrigen.stages.tuning.study_work import StudyWork
from mrigen.stages.tuning.trial_run import EXPERIMENT
from mrigen.tracking.tracker import connect
from mrigen.tuning.records import TrialState
from mrigen.tuning.storage import open_storage
from mrigen.tuning.study import open_study
from searched_project import searched_project


def files_of(folder):
    return {
        path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }


def test_a_study_runs_to_its_end_and_is_left_alone_then(store):
    project = searched_project(store)
    params = (store / "params.yaml").read_bytes()
    record = tune(project, "unet", trials=4, workers=2, progress=False)

    states = {trial.state for trial in record.trials}
    assert len(record.trials) == len(record.counted) == 4
    assert states <= {TrialState.COMPLETE, TrialState.PRUNED}
    assert record.trials[0].baseline
    assert record.baseline is not None
    assert record.baseline.params == {"training.learning_rate": 0.01, "network.depth": 2}
    assert {"report.html", "trials.csv", "study.json"} <= {
        path.name for path in (project.tuned / "unet").iterdir()
    }
    tracker = connect(store)
    experiment = tracker.client.get_experiment_by_name(EXPERIMENT)
    runs = tracker.client.search_runs([experiment.experiment_id])
    assert {run.info.status for run in runs} == {"FINISHED"}
    assert {run.info.run_id for run in runs} == {record.run} | {t.run for t in record.trials}
    assert (store / "params.yaml").read_bytes() == params
    assert not (store / "models").exists()
    assert not (store / "checkpoints").exists()

    before = files_of(project.tuned / "unet")
    again = tune(project, "unet", trials=4, workers=2, progress=False)
    assert again == record
    assert files_of(project.tuned / "unet") == before


def test_two_workers_share_a_study_on_a_database_until_its_space_is_tried(store, database, caplog):
    choices = {"network.depth": {"choice": [1, 2]}, "network.base_channels": {"choice": [2, 3]}}
    project = searched_project(store, parameters=choices)
    with caplog.at_level("INFO", logger="mrigen"):
        record = tune(project, "unet", trials=9, workers=2, storage=database, progress=False)
    tried = {tuple(sorted(trial.params.items())) for trial in record.counted}
    assert len(tried) == len(record.counted) == 4
    assert "everything in the space has been tried: 4 trials instead of 9" in caplog.text
    assert not (project.tuned / "studies.journal").exists()


def test_no_trial_begins_when_the_time_is_over(store):
    project = searched_project(store)
    record = tune(project, "unet", trials=4, hours=1e-9, progress=False)
    assert [trial.state for trial in record.trials] == [TrialState.WAITING]


def test_a_baseline_that_ends_well_is_no_earlier_trial(store, monkeypatch):
    # Else three that fail alike after it would end the work.
    told = []

    def take(work, assignments, **_):
        told.extend(assignments)
        return work.study.record()

    monkeypatch.setattr(StudyWork, "work_off", take)
    tune(searched_project(store), "unet", trials=4, progress=False)
    assert [assignment.earlier for assignment in told] == [frozenset()]


@pytest.mark.parametrize("where", ["run.close_lost_runs", "study_work.write_report"])
def test_ctrl_c_before_and_after_the_work_ends_the_run(store, monkeypatch, where):
    def interrupt(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(f"mrigen.stages.tuning.{where}", interrupt)
    with pytest.raises(KeyboardInterrupt):
        tune(searched_project(store), "unet", trials=4, hours=1e-9, progress=False)
    tracker = connect(store)
    experiment = tracker.client.get_experiment_by_name(EXPERIMENT)
    runs = tracker.client.search_runs([experiment.experiment_id])
    assert [run.info.status for run in runs] == ["KILLED"]


def test_a_changed_space_is_another_study(store):
    project = searched_project(store)
    open_study(open_storage(store, None), plan_study(project, "unet"))
    values = read_yaml(store / "params.yaml")
    values["models"]["unet"]["search"]["parameters"]["network.depth"]["choice"] = [2, 3]
    (store / "params.yaml").write_text(yaml.safe_dump(values))
    changed = load_project(store)
    with pytest.raises(TuningError, match="--new-study"):
        tune(changed, "unet", trials=1, hours=1e-9, progress=False)


def test_an_unreachable_server_is_told_before_a_study_is_begun(tmp_path, monkeypatch):
    project = searched_project(tmp_path)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    with pytest.raises(TrackingError, match=r"127\.0\.0\.1:9 cannot be reached"):
        tune(project, "unet", progress=False)
    assert not project.tuned.exists()
