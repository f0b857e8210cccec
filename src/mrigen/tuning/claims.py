"""A trial in the hands of the worker that runs it."""

import logging
import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from optuna.exceptions import UpdateFinishedTrialError
from optuna.trial import Trial
from optuna.trial import TrialState as OptunaState

from mrigen.tuning.config import Value

_log = logging.getLogger(__name__)

# Compilers and drivers write pages. MLflow takes 8000 letters.
_REASON_LETTERS = 1000


class ClaimedTrial:
    """A trial that this process runs, and no other.

    If the process is taken for dead, say because its host stood still for minutes, the trial is
    lost and run again by another one. From then on nothing that is said here counts, and `look`
    answers that the trial is to be given up.

    Attributes
    ----------
    number
        Of the trial in its study.
    params
        Values by path.
    baseline
        Whether the parameters are those of `params.yaml`.
    retry_of
        Number of the lost trial that this one runs again.
    lost
        Whether the process was found to be taken for dead.
    """

    def __init__(self, trial: Trial, params: dict[str, Value], *, epochs: int) -> None:
        self.number, self.params = trial.number, params
        self.baseline: bool = trial.user_attrs.get("baseline", False)
        self.retry_of: int | None = trial.user_attrs.get("retry_of")
        self.lost = False
        self._trial, self._epochs = trial, epochs
        self._looks: dict[str, float] = {}

    def note(self, **attributes: Any) -> None:
        """Write down what a record has of the trial: `run`, `device`, `seconds`, ...

        Parameters
        ----------
        **attributes
            Plain values; a later one replaces an earlier one of the same name.
        """
        with self._unless_lost():
            for name, value in attributes.items():
                self._trial.set_user_attr(name, value)

    def look(self, score: float, epoch: int) -> bool:
        """Write down the score after an epoch; return whether to give the trial up.

        The baseline is never given up, nor a training at its end, nor one in a study of several
        objectives.

        Parameters
        ----------
        score
            The first objective.
        epoch
            Counted from 1.
        """
        several = len(self._trial.study.directions) > 1
        spared = self.baseline or several or epoch >= self._epochs
        with self._unless_lost():
            if not math.isfinite(score):
                return not spared
            if several:
                # Optuna takes no reports there.
                self._looks[str(epoch)] = score
                self._trial.set_user_attr("looks", self._looks)
                return False
            self._trial.report(score, epoch)
            # It is asked of the baseline as well: that enters its score among the others'.
            return self._trial.should_prune() and not spared
        return True

    def complete(self, values: Sequence[float]) -> None:
        """End the trial with its objectives; if one is not a finite number, it has failed."""
        if not all(math.isfinite(value) for value in values):
            shown = ", ".join(f"{value:g}" for value in values)
            self.fail(f"its score is not a finite number ({shown})")
            return
        self._end("complete", None)
        self._tell(OptunaState.COMPLETE, list(values))

    def prune(self, reason: str) -> None:
        """End the trial early, as it lags behind."""
        self._end("pruned", reason)
        self._tell(OptunaState.PRUNED)

    def fail(self, reason: str) -> None:
        """End the trial as one that its parameters do not let finish."""
        self._end("failed", reason)
        self._tell(OptunaState.FAIL)

    def give_back(self, reason: str) -> None:
        """End the trial for another one to run it again."""
        self._end("lost", reason)
        self._tell(OptunaState.FAIL)

    def _end(self, state: str, reason: str | None) -> None:
        # Optuna's own times have no zone, and its state does not tell failed from lost.
        reason = reason and " ".join(reason.split())[:_REASON_LETTERS]
        self.note(end={"as": state, "reason": reason, "at": now()})

    def _tell(self, state: OptunaState, values: list[float] | None = None) -> None:
        with self._unless_lost():
            told = self._trial.study.tell(self._trial, values, state, skip_if_finished=True)
            if told.state is not state:
                raise UpdateFinishedTrialError

    @contextmanager
    def _unless_lost(self) -> Iterator[None]:
        try:
            yield
        except UpdateFinishedTrialError:
            if not self.lost:
                _log.warning(
                    "Trial %d was taken for dead and is run again: what it found does not count.",
                    self.number,
                )
            self.lost = True


def now() -> str:
    """Return the time with its zone, as it is written into a study."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")
