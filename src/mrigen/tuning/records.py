"""Studies and trials as plain values: what a report, a page and a promotion read."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from functools import cached_property

from mrigen.tuning.config import Value


class TrialState(Enum):
    """How a trial stands."""

    WAITING = "waiting"
    RUNNING = "running"
    COMPLETE = "complete"
    PRUNED = "pruned"
    FAILED = "failed"  # diverged, out of memory, ...: see its reason
    LOST = "lost"  # its worker was killed or interrupted; another trial runs it again

    @property
    def is_open(self) -> bool:
        """Whether such a trial is still to end."""
        return self in {TrialState.WAITING, TrialState.RUNNING}


@dataclass(frozen=True)
class TrialRecord:
    """One trial as its storage has it.

    Attributes
    ----------
    number
        From 0, in the order in which trials were begun.
    state
    params
        Values by path, such as `{"training.learning_rate": 0.002}`; those that do not exist
        under the others' values are absent.
    values
        The score, and seconds in a study of both; empty unless the trial is complete.
    looks
        Scores by epoch, as pruning saw them.
    reason
        Why a trial failed, was lost or was pruned, as a clause; None if there is nothing to say.
    seconds
        Of training; None while it runs.
    score_seconds
        Of measuring scores; None while it runs.
    device, worker
        Where it ran, and by whom.
    run
        Its run in MLflow.
    baseline
        Whether it has the parameters that stood in `params.yaml`.
    retry_of
        Number of the lost trial that it runs again.
    started, ended
        With a time zone.
    """

    number: int
    state: TrialState
    params: dict[str, Value]
    values: tuple[float, ...] = ()
    looks: dict[int, float] = field(default_factory=dict)
    reason: str | None = None
    seconds: float | None = None
    score_seconds: float | None = None
    device: str | None = None
    worker: str | None = None
    run: str | None = None
    baseline: bool = False
    retry_of: int | None = None
    started: datetime | None = None
    ended: datetime | None = None


@dataclass(frozen=True)
class StudyRecord:
    """A study as its storage has it.

    Attributes
    ----------
    name
        `<model>-<first 8 digits of the data>-<first 8 digits of the space>`.
    model, dataset
        Their names in `params.yaml`.
    data
        Fingerprint of the slice store.
    objectives
        Names of what is small in a good trial: the score, and `seconds` beside it in a study of
        both.
    trials
        In the order of their numbers.
    run
        Its run in MLflow.
    """

    name: str
    model: str
    dataset: str
    data: str
    objectives: tuple[str, ...]
    trials: tuple[TrialRecord, ...]
    run: str | None = None

    @cached_property
    def counted(self) -> tuple[TrialRecord, ...]:
        """Trials that count against the number asked for: all but the lost ones."""
        return tuple(trial for trial in self.trials if trial.state is not TrialState.LOST)

    @cached_property
    def ended(self) -> tuple[TrialRecord, ...]:
        """Trials that count and have ended: complete, pruned or failed."""
        return tuple(trial for trial in self.counted if not trial.state.is_open)

    @cached_property
    def complete(self) -> tuple[TrialRecord, ...]:
        """Trials that have a score."""
        return tuple(trial for trial in self.trials if trial.state is TrialState.COMPLETE)

    @cached_property
    def best(self) -> TrialRecord | None:
        """The complete trial with the smallest score, the first of equals."""
        return min(self.complete, key=lambda trial: trial.values[0], default=None)

    @cached_property
    def baseline(self) -> TrialRecord | None:
        """The trial of the parameters of `params.yaml`, if it is complete."""
        return next((trial for trial in self.complete if trial.baseline), None)

    @cached_property
    def front(self) -> tuple[TrialRecord, ...]:
        """Complete trials that no other beats in every objective, by rising score."""
        return tuple(
            sorted(
                (
                    trial
                    for trial in self.complete
                    if not any(_dominates(other, trial) for other in self.complete)
                ),
                key=lambda trial: trial.values,
            )
        )


def _dominates(first: TrialRecord, second: TrialRecord) -> bool:
    pairs = list(zip(first.values, second.values, strict=True))
    return all(a <= b for a, b in pairs) and any(a < b for a, b in pairs)
