"""Search for better parameters of a model: `mrigen tune`."""

import logging
import time

import torch

from mrigen.data.resident import Residence
from mrigen.project import Project
from mrigen.stages.tuning.chosen import SECTION
from mrigen.stages.tuning.devices import find_devices
from mrigen.stages.tuning.plan import plan_study
from mrigen.stages.tuning.study_work import StudyWork, is_reported
from mrigen.stages.tuning.tracking import (
    close_lost_runs,
    ended_if_interrupted,
    open_study_run,
)
from mrigen.stages.tuning.worker import Assignment
from mrigen.tracking.tracker import connect
from mrigen.training.runtime import Precision
from mrigen.tuning.records import StudyRecord
from mrigen.tuning.storage import open_storage
from mrigen.tuning.study import open_study

_log = logging.getLogger(__name__)


def tune(
    project: Project,
    model: str,
    *,
    trials: int = 20,
    workers: int = 1,
    storage: str | None = None,
    multi_objective: bool = False,
    new_study: bool = False,
    hours: float | None = None,
    device: str = "auto",
    precision: Precision = "fp32",
    compiled: bool = False,
    resident: Residence = "auto",
    progress: bool = True,
) -> StudyRecord:
    """Run trials of a model's study until enough of them count, and write its report.

    The study lies in a storage that other commands, on this host and on others, may work on at
    the same time. Whatever interrupts or kills it, the same command goes on.

    Parameters
    ----------
    project
        The project folder.
    model
        A name under `models:` that has a block `search`.
    trials
        That are to count in the end, over all commands.
    workers
        Processes; they share the threads that a training would have.
    storage
        As `open_storage` takes it.
    multi_objective
        Whether few seconds of training are searched for, too.
    new_study
        Begin another study where the space has changed.
    hours
        After so many no trial begins; those that run are finished.
    device, precision, compiled, resident
        As `choose_runtime` takes them; workers take several GPUs in turn.
    progress
        Show where the study stands.

    Raises
    ------
    ConfigError, DataError, ModelError, TrackingError, TuningError
        Before the first trial, if something cannot be used; later, if it cannot be used any more,
        or trials fail one after the other for one reason.
    KeyboardInterrupt
        After Ctrl-C or SIGTERM, when workers have given their trials back.
    """
    until = None if hours is None else time.time() + hours * 3600
    plan = plan_study(project, model, multi_objective=multi_objective)
    devices = find_devices(device, precision)
    tracker = connect(project.root)
    opened = open_storage(project.root, storage)
    study = open_study(opened, plan, new=new_study)
    study.tidy()
    if study.get_note(SECTION) is None:
        study.set_note(SECTION, project.model_config(model).section)
    if is_reported(project, study, trials):
        _log.info("%s: study '%s' has its %d trials.", model, study.name, trials)
        return study.record()
    with opened.exclusive():
        run = open_study_run(tracker, study, project)
    with ended_if_interrupted(tracker, study, run):
        work = StudyWork(project, study, tracker, run)
        close_lost_runs(tracker, study.record(), run=run)
        is_over = until is not None and time.time() > until
        count = 0 if is_over else min(workers, study.left(trials))
        earlier = frozenset(trial.number for trial in study.record().ended)
        assignments = [
            Assignment(
                project=project,
                plan=study.plan,
                storage=storage,
                run=run,
                total=trials,
                earlier=earlier,
                until=until,
                device=devices[number % len(devices)],
                precision=precision,
                compiled=compiled,
                resident=resident,
                threads=max(1, torch.get_num_threads() // count),
            )
            for number in range(count)
        ]
        return work.work_off(assignments, total=trials, progress=progress)
