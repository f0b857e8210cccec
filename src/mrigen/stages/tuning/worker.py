"""One worker of a study: a process that runs trials until none is left to begin."""

import logging
import signal
import threading
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from operator import attrgetter
from types import FrameType

import torch
from filelock import FileLock

from mrigen.data.resident import Residence
from mrigen.data.store.slice_store import SliceStore
from mrigen.data.workers import follow_parent
from mrigen.errors import DataError, MrigenError
from mrigen.evaluation.validation_score import SAMPLER_SCORES
from mrigen.project import Project
from mrigen.stages.tuning.attempt import Workplace, attempt
from mrigen.stages.tuning.notice import Notice
from mrigen.stages.tuning.plan import make_scorer
from mrigen.tracking.tracker import connect
from mrigen.training.runtime import Precision, choose_runtime
from mrigen.tuning.plan import StudyPlan
from mrigen.tuning.records import StudyRecord, TrialRecord, TrialState
from mrigen.tuning.shared_study import SharedStudy
from mrigen.tuning.storage import open_storage
from mrigen.tuning.study import load_study

#: So many trials that fail for one reason, one after the other, end the work on a study.
SAME_FAILURES = 3


@dataclass(frozen=True)
class Assignment:
    """What a worker is told; it travels to another process.

    Attributes
    ----------
    project, plan, storage
        What is searched, and the address of the study's storage.
    run
        Id of the study's run in MLflow.
    total
        Trials that are to count in the end.
    earlier
        Numbers of the trials that had ended when this command began.
    until
        No trial begins after this time, in seconds since 1970; None for no end.
    device, precision, compiled, resident
        Where and how to compute.
    threads
        Of this process.
    """

    project: Project
    plan: StudyPlan
    storage: str | None = field(repr=False)  # there may be a password in it
    run: str
    total: int
    earlier: frozenset[int]
    until: float | None
    device: str
    precision: Precision
    compiled: bool
    resident: Residence
    threads: int

    @property
    def is_over(self) -> bool:
        """Whether the time for new trials is over."""
        return self.until is not None and time.time() > self.until


class _Stop:
    """Hears SIGTERM, any number of times: whoever stops a group of processes sends several."""

    def __init__(self) -> None:
        self.asked = False
        signal.signal(signal.SIGTERM, self._hear)

    def __call__(self) -> bool:
        return self.asked

    def _hear(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002 - Python's signature
        self.asked = True


class _Line(logging.Handler):
    """Sends what is logged to the parent."""

    def __init__(self, sender: Connection) -> None:
        super().__init__(logging.WARNING)
        self._sender, self._sending = sender, threading.Lock()

    def emit(self, record: logging.LogRecord) -> None:
        """Send one record."""
        self.send(Notice(record.levelno, self.format(record)))

    def send(self, message: object) -> None:
        """Send what can travel."""
        with self._sending:  # MLflow's thread logs, too
            self._sender.send(message)


def work(assignment: Assignment, sender: Connection) -> None:
    """Run trials in a process of their own; what a user can mend is sent to the parent.

    SIGTERM ends the work at the next update of the weights, and gives the trial back.
    """
    follow_parent()
    asked_to_stop = _Stop()
    line = _Line(sender)
    logging.getLogger().addHandler(line)
    logging.captureWarnings(capture=True)
    torch.set_num_threads(assignment.threads)
    try:
        _run_trials(assignment, asked_to_stop)
    except KeyboardInterrupt:
        return
    except (MrigenError, OSError) as error:
        line.send(error)


def same_failures(record: StudyRecord, earlier: Collection[int]) -> TrialRecord | None:
    """Return the last trial if it and those before it have all failed for one reason.

    Then it is not the parameters: a disk, a driver, or a dataset.

    Parameters
    ----------
    record
        The study.
    earlier
        Numbers of trials that say nothing of the command that is at work now. Those that waited
        for it, such as the baseline, do.
    """
    ended = [trial for trial in record.ended if trial.number not in earlier and trial.ended]
    last = sorted(ended, key=attrgetter("ended"))[-SAME_FAILURES:]
    alike = {trial.reason for trial in last if trial.state is TrialState.FAILED}
    others = any(trial.state is not TrialState.FAILED for trial in ended)
    return last[-1] if len(last) == SAME_FAILURES and len(alike) == 1 and not others else None


def _run_trials(assignment: Assignment, asked_to_stop: _Stop) -> None:
    # The parent has reached it already: a server that is away now comes back.
    storage = open_storage(assignment.project.root, assignment.storage, wait=True)
    study = load_study(storage, assignment.plan.model, name=assignment.plan.name)
    place = _open_workplace(assignment, study, asked_to_stop)
    with storage.worker() as name:
        while not (asked_to_stop() or assignment.is_over):
            if same_failures(study.record(), assignment.earlier):
                return
            claimed = study.claim(name, total=assignment.total)
            if claimed is None:
                return
            attempt(place, claimed)


def _open_workplace(
    assignment: Assignment, study: SharedStudy, asked_to_stop: Callable[[], bool]
) -> Workplace:
    project, plan = assignment.project, assignment.plan
    runtime = choose_runtime(
        device=assignment.device,
        precision=assignment.precision,
        compiled=assignment.compiled,
        resident=assignment.resident,
    )
    store = SliceStore(project.processed(plan.dataset))
    if store.fingerprint != plan.data:
        raise DataError(
            f"dataset '{plan.dataset}' was cut anew since study '{plan.name}' began: run "
            f"'mrigen tune {plan.model}' again, which begins another one."
        )
    scorer = make_scorer(project, project.model_config(plan.model), store, runtime.device)
    if plan.objectives[0] in SAMPLER_SCORES:
        project.cache.mkdir(parents=True, exist_ok=True)
        with FileLock(project.cache / ".scorer.lock"):  # the first worker computes for all
            scorer.prepare()
    tracker = connect(project.root)
    return Workplace(
        project=project,
        study=study,
        store=store,
        scorer=scorer,
        runtime=runtime,
        tracker=tracker,
        run=assignment.run,
        asked_to_stop=asked_to_stop,
    )
