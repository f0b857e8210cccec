"""Studies whose processes are killed or stopped: no trial is lost, none runs twice."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mrigen.errors import TuningError
from mrigen.stages.tuning.run import tune
from mrigen.stages.tuning.trial_run import EXPERIMENT
from mrigen.tracking.tracker import connect
from mrigen.tuning.records import TrialState
from mrigen.tuning.storage import open_storage
from mrigen.tuning.study import load_study
from searched_project import searched_project

if sys.platform == "win32":
    pytest.skip("Windows has neither SIGKILL nor groups of processes", allow_module_level=True)

TOTAL = 4
SECONDS = 300  # of a machine that does ten other things


def start(project, *, total=TOTAL):
    """Run `mrigen tune` in a group of processes of its own."""
    words = ["tune", "unet", "--trials", str(total), "--device", "cpu"]
    script = "import sys; from mrigen.cli import main; main()"
    command = [sys.executable, "-c", script, "-q", "-C", str(project.root), *words]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    return subprocess.Popen(command, env=environment, start_new_session=True)


class Watched:
    """A study, as a process beside those that work on it sees it."""

    def __init__(self, project):
        self.project = project
        self.study = None

    def record(self):
        if self.study is None:
            self.study = load_study(open_storage(self.project.root, None, create=False), "unet")
        return self.study.record()

    def running(self, *processes, beside=()):
        """Wait until a trial runs that is not one of `beside`; return it, and its worker.

        Nor does it run one of them again: parameters that lose three workers would have failed.
        The worker stands still from then on, so that the trial cannot end before it is killed.
        """
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            assert any(process.poll() is None for process in processes), "ended too early"
            for number, worker in self.at_work():
                if not {number, self.record().trials[number].retry_of} & set(beside):
                    stop(worker)
                    if (number, worker) in self.at_work():
                        return self.record().trials[number], worker
                    os.kill(worker, signal.SIGCONT)
            time.sleep(0.05)
        raise AssertionError("no trial was begun")

    def at_work(self):
        """Numbers of running trials that have a run in MLflow, each with its worker."""
        try:
            trials = self.record().trials
        except TuningError:  # there is no study yet
            return []
        return [
            (trial.number, int(trial.worker.split(":")[1]))
            for trial in trials
            if trial.state is TrialState.RUNNING and trial.run is not None
        ]


def stop(process):
    """Let a process stand still; the signal alone may come after its next few steps."""
    os.kill(process, signal.SIGSTOP)
    end = time.monotonic() + SECONDS
    while state_of(process)[0] not in {"T", "Z"}:
        assert time.monotonic() < end, "it goes on"
        time.sleep(0.001)


def parent_of(process):
    return int(state_of(process)[1])


def state_of(process):
    """Return the state of a process, its parent, and so on."""
    return Path(f"/proc/{process}/stat").read_text(encoding="ascii").rpartition(")")[2].split()


def assert_whole(project, record, total=TOTAL):
    """Every trial that counts has ended, every lost one was run again, and MLflow agrees."""
    ended = {TrialState.COMPLETE, TrialState.PRUNED}
    assert len(record.counted) == total
    assert {trial.state for trial in record.counted} <= ended
    lost = [trial for trial in record.trials if trial.state is TrialState.LOST]
    assert sorted(t.retry_of for t in record.trials if t.retry_of is not None) == [
        trial.number for trial in lost
    ]
    numbered = {trial.number: trial for trial in record.trials}
    assert all(
        trial.params == numbered[trial.retry_of].params
        for trial in record.trials
        if trial.retry_of is not None
    )
    tried = [tuple(sorted(trial.params.items())) for trial in record.counted]
    assert len(set(tried)) == total
    assert sum(trial.baseline for trial in record.counted) == 1
    tracker = connect(project.root)
    experiment = tracker.client.get_experiment_by_name(EXPERIMENT)
    runs = {run.info.run_id: run for run in tracker.client.search_runs([experiment.experiment_id])}
    statuses = {trial.number: runs[trial.run].info.status for trial in record.trials if trial.run}
    assert statuses == {
        trial.number: "KILLED" if trial.state is TrialState.LOST else "FINISHED"
        for trial in record.trials
        if trial.run
    }
    assert len([run for run in runs.values() if "mlflow.parentRunId" not in run.data.tags]) == 1
    assert runs[record.run].info.status == "FINISHED"


def test_whatever_is_killed_the_study_is_completed(store):
    project = searched_project(store, epochs=20)
    watched = Watched(project)
    first, second = start(project), start(project)
    try:
        # A worker alone: its parent starts another one.
        trial, worker = watched.running(first, second)
        killed = {trial.number}
        os.kill(worker, signal.SIGKILL)
        # The parent alone: its worker follows.
        trial, worker = watched.running(first, second, beside=killed)
        killed.add(trial.number)
        parent = parent_of(worker)
        assert parent in {first.pid, second.pid}
        os.kill(parent, signal.SIGKILL)
        os.kill(worker, signal.SIGCONT)
        gone = first if parent == first.pid else second
        assert gone.wait(SECONDS) == -signal.SIGKILL
        left = second if gone is first else first
        # Everything at once.
        trial, _ = watched.running(left, beside=killed)
        killed.add(trial.number)
        os.killpg(left.pid, signal.SIGKILL)
        assert left.wait(SECONDS) == -signal.SIGKILL
    finally:
        for process in (first, second):
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
    record = tune(project, "unet", trials=TOTAL, progress=False)
    assert {t.number for t in record.trials if t.state is TrialState.LOST} >= killed
    assert_whole(project, record)


def test_a_stopped_study_has_its_trials_back(store):
    project = searched_project(store, epochs=40)
    process = start(project, total=3)
    try:
        watched = Watched(project)
        trial, worker = watched.running(process)
        os.killpg(process.pid, signal.SIGTERM)  # the worker hears it twice, as from a scheduler
        os.kill(worker, signal.SIGCONT)
        assert process.wait(SECONDS) == 130
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    stopped = watched.record()
    lost = next(each for each in stopped.trials if each.number == trial.number)
    assert (lost.state, lost.reason) == (TrialState.LOST, "interrupted")
    assert all(each.state is not TrialState.RUNNING for each in stopped.trials)
    tracker = connect(project.root)
    assert tracker.client.get_run(lost.run).info.status == "KILLED"
    assert tracker.client.get_run(stopped.run).info.status == "KILLED"
    waiting = {each.retry_of for each in stopped.trials if each.state is TrialState.WAITING}
    assert waiting >= {each.number for each in stopped.trials if each.state is TrialState.LOST}
