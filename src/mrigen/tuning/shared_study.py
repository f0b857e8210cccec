"""A study that several processes and hosts work on together."""

from collections.abc import Sequence
from typing import Any

import optuna
from optuna.samplers import RandomSampler
from optuna.trial import TrialState as OptunaState
from optuna.trial import create_trial

from mrigen.tuning.claims import ClaimedTrial, now
from mrigen.tuning.history import read_trials
from mrigen.tuning.plan import StudyPlan
from mrigen.tuning.proposals import Proposal, fits, given, propose
from mrigen.tuning.pruning import build_pruner
from mrigen.tuning.records import StudyRecord, TrialRecord, TrialState
from mrigen.tuning.space import suggest
from mrigen.tuning.storage import StudyStorage
from mrigen.tuning.turns import in_turn

# Attributes of a study; of its trials, see `history`.
_RUN = "run"
_EXHAUSTED = "exhausted"


class SharedStudy:
    """A study in a storage, with any number of processes at work on it.

    Trials are begun and lost ones replaced under the storage's lock, one process at a time, from
    what the storage has at that moment. Each step is one write after which the study is whole, so
    that a process may be killed between any two.

    Parameters
    ----------
    storage
        Where the study is.
    study
        As Optuna has it.
    plan
        What is searched, as the study began with it.

    Attributes
    ----------
    plan, storage
        As given.
    """

    def __init__(self, storage: StudyStorage, study: optuna.Study, plan: StudyPlan) -> None:
        self.storage, self.plan = storage, plan
        self._study = study
        # Nothing is drawn in the shared study itself.
        self._study.sampler = RandomSampler(seed=0)
        self._study.pruner = build_pruner(plan.pruning, plan.epochs)

    @property
    def name(self) -> str:
        """The study's name in its storage."""
        return self.plan.name

    @property
    def optuna(self) -> optuna.Study:
        """The study as Optuna has it, for its storage and its figures."""
        return self._study

    @property
    def run(self) -> str | None:
        """The study's run in MLflow."""
        run: str | None = self._study.user_attrs.get(_RUN)
        return run

    @run.setter
    def run(self, run: str) -> None:
        self._study.set_user_attr(_RUN, run)

    @property
    def exhausted(self) -> bool:
        """Whether every choice of parameters was tried, so that no trial can be added."""
        return bool(self._study.user_attrs.get(_EXHAUSTED, False))

    def set_note(self, name: str, value: Any) -> None:
        """Write a plain value down beside the study; a later one replaces an earlier one."""
        self._study.set_user_attr(f"note.{name}", value)

    def get_note(self, name: str) -> Any:
        """Return what was written down under a name; None if nothing was."""
        return self._study.user_attrs.get(f"note.{name}")

    def record(self) -> StudyRecord:
        """Return the study as it stands; it needs no lock and may be asked for often."""
        plan = self.plan
        return StudyRecord(
            plan.name,
            plan.model,
            plan.dataset,
            plan.data,
            plan.objectives,
            self._trials(),
            self.run,
        )

    def left(self, total: int) -> int:
        """Return how many trials are still to be begun until `total` count."""
        trials = self._trials()
        left = max(0, total - _begun(trials))
        return min(left, _waiting(trials)) if self.exhausted else left

    def claim(self, worker: str, *, total: int) -> ClaimedTrial | None:
        """Begin a trial: one that waits, or a new one.

        Parameters
        ----------
        worker
            Name of this process, from the storage's `worker`.
        total
            Trials that are to count in the end, whoever runs them.

        Returns
        -------
        None if enough have been begun, or no parameters are left to try.
        """
        cut_off: list[ClaimedTrial] = []

        def claim() -> ClaimedTrial | None:
            while cut_off:
                cut_off.pop().give_back("the connection to the study's storage was lost")
            trials = self._replace_lost()
            if _begun(trials) >= total:
                return None
            if not _waiting(trials) and not self._add(trials):
                return None
            claimed = self._begin()
            if claimed is None:
                return claim()
            cut_off.append(claimed)
            claimed.note(started=now())
            claimed.note(worker=worker)  # a running trial without one is dead
            return claimed

        return in_turn(self.storage, claim)

    def tidy(self) -> None:
        """Find trials whose worker is dead, and put others in their place."""
        in_turn(self.storage, self._replace_lost)

    def begin_with(self, baseline: Proposal) -> None:
        """Put the baseline before all other trials; call it in one's turn."""
        if not self._study.get_trials(deepcopy=False):
            self._enqueue(baseline, baseline=True)

    def _trials(self) -> tuple[TrialRecord, ...]:
        return read_trials(self._study.get_trials(deepcopy=False))

    def _add(self, trials: Sequence[TrialRecord]) -> bool:
        if self.exhausted:
            return False
        proposal = propose(self.plan.search, len(self.plan.objectives), trials)
        if proposal is None:
            self._study.set_user_attr(_EXHAUSTED, True)
            return False
        self._enqueue(proposal)
        return True

    def _begin(self) -> ClaimedTrial | None:
        trial = self._study.ask()
        try:
            params = suggest(self.plan.search, trial)
        except ValueError:  # of Optuna, for a choice that is none
            params = None
        claimed = ClaimedTrial(trial, params or {}, epochs=self.plan.epochs)
        if params is None or not fits(self.plan.search, params):
            claimed.fail("it was enqueued by hand with parameters outside the space")
            return None
        return claimed

    def _replace_lost(self) -> tuple[TrialRecord, ...]:
        self.storage.fail_dead_trials(self._study)
        trials = self._trials()
        replaced = {trial.retry_of for trial in trials}
        missing = [
            trial
            for trial in trials
            if trial.state is TrialState.LOST
            and trial.number not in replaced
            and fits(self.plan.search, trial.params)
        ]
        for trial in missing:
            again = given(self.plan.search, trial.params)
            self._enqueue(again, baseline=trial.baseline, retry_of=trial.number)
        return self._trials() if missing else trials

    def _enqueue(
        self, proposal: Proposal, *, baseline: bool = False, retry_of: int | None = None
    ) -> None:
        # One write, unlike Optuna's enqueue_trial and the writes of its parameters later.
        attributes: dict[str, Any] = {"baseline": True} if baseline else {}
        if retry_of is not None:
            attributes["retry_of"] = retry_of
        self._study.add_trial(
            create_trial(
                state=OptunaState.WAITING,
                params=proposal.params,
                distributions=proposal.distributions,
                user_attrs=attributes,
            )
        )


def _begun(trials: Sequence[TrialRecord]) -> int:
    """Return how many trials count and do not wait."""
    apart = {TrialState.LOST, TrialState.WAITING}
    return sum(trial.state not in apart for trial in trials)


def _waiting(trials: Sequence[TrialRecord]) -> int:
    return sum(trial.state is TrialState.WAITING for trial in trials)
