"""Which parameters to try next: a function of what has been tried, and of a seed."""

import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import optuna
from optuna.distributions import BaseDistribution
from optuna.exceptions import ExperimentalWarning
from optuna.samplers import BaseSampler, BruteForceSampler, RandomSampler, TPESampler
from optuna.trial import FrozenTrial, create_trial
from optuna.trial import TrialState as OptunaState

from mrigen.seeds import torch_seed
from mrigen.tuning.config import SearchConfig, Value
from mrigen.tuning.records import TrialRecord, TrialState
from mrigen.tuning.space import distributions_of, in_order, suggest

#: Trials at random before the estimator has something to go by.
RANDOM_TRIALS = 5
_TRIES = 20  # of a sampler, for parameters that have not been tried


@dataclass(frozen=True)
class Proposal:
    """Parameters by path, and what Optuna has to know of each to keep it."""

    params: dict[str, Value]
    distributions: dict[str, BaseDistribution]

    @property
    def key(self) -> frozenset[tuple[str, float]]:
        """What is equal for equal parameters, 1 and 1.0 of a `float` among them."""
        return frozenset(
            (path, float(self.distributions[path].to_internal_repr(value)))
            for path, value in self.params.items()
        )


def given(search: SearchConfig, params: Mapping[str, Value]) -> Proposal:
    """Return parameters that are known, such as the baseline's, as a proposal."""
    # Optuna's exhaustive sampler wants one order everywhere.
    ordered = {path: params[path] for path in in_order(search) if path in params}
    return Proposal(ordered, distributions_of(search, ordered))


def fits(search: SearchConfig, params: Mapping[str, Value]) -> bool:
    """Whether parameters lie in the space; those of a trial enqueued by hand may not."""
    proposal = given(search, params)
    try:
        create_trial(
            state=OptunaState.WAITING,
            params=proposal.params,
            distributions=proposal.distributions,
        )
    except ValueError:
        return False
    return True


def propose(
    search: SearchConfig, objectives: int, history: Sequence[TrialRecord]
) -> Proposal | None:
    """Return parameters that no trial of `history` has; None if there are none left.

    The history is put into a study of its own in memory. So the same trials lead to the same
    proposal on every host and after every interruption, and what failed can be shown to the
    sampler as something to avoid, which Optuna itself leaves out.

    Parameters
    ----------
    search
        The space and the seed.
    objectives
        How many values a complete trial has.
    history
        Trials by number. Those that run a lost one again stand in its place, so that a lost
        worker changes no proposal.

    References
    ----------
    The tree-structured Parzen estimator: Bergstra et al. 2011, Algorithms for hyper-parameter
    optimization, https://papers.nips.cc/paper/4443; as Optuna has it: Watanabe 2023,
    doi:10.48550/arXiv.2304.11127; of several objectives: Ozaki et al. 2020,
    doi:10.1145/3377930.3389817.
    """
    tried = [trial for trial in _tried(history) if fits(search, trial.params)]
    known = [given(search, trial.params) for trial in tried]
    keys = {proposal.key for proposal in known}
    study = optuna.create_study(directions=["minimize"] * objectives)
    study.add_trials([_shown(*pair) for pair in zip(tried, known, strict=True)])
    for sampler in _samplers(search, tried):
        # What was proposed and is refused stays in the study as running: the next try keeps away.
        study.sampler = sampler
        proposal = given(search, suggest(search, study.ask(), rounded=True))
        if proposal.key not in keys:
            return proposal
    return None


def _tried(history: Sequence[TrialRecord]) -> list[TrialRecord]:
    """Return trials in the order in which their parameters were first tried."""
    first: dict[int, int] = {}
    for trial in history:
        first[trial.number] = (
            trial.number if trial.retry_of is None else first.get(trial.retry_of, trial.number)
        )
    return sorted(
        (trial for trial in history if trial.state is not TrialState.LOST),
        key=lambda trial: (first[trial.number], trial.number),
    )


def _samplers(search: SearchConfig, tried: Sequence[TrialRecord]) -> Iterator[BaseSampler]:
    count = len(tried)
    # Trials that failed say nothing of where it is good.
    startup = RANDOM_TRIALS + sum(trial.state is TrialState.FAILED for trial in tried)
    for number in range(_TRIES):
        seed = torch_seed("proposal", search.seed, count, number)
        yield TPESampler(seed=seed, n_startup_trials=startup)
    endless = any(
        parameter.real is not None and parameter.step is None
        for parameter in search.parameters.values()
    )
    # Few are left or none. The exhaustive sampler takes others each time, so that one time more
    # than there were trials finds what none of them had.
    for number in range(_TRIES if endless else count + 1):
        seed = torch_seed("last proposal", search.seed, count, number)
        yield RandomSampler(seed=seed) if endless else _exhaustive(seed)


def _exhaustive(seed: int) -> BaseSampler:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "BruteForceSampler is experimental", ExperimentalWarning)
        return BruteForceSampler(seed=seed)


def _shown(trial: TrialRecord, proposal: Proposal) -> FrozenTrial:
    """Return a trial as the sampler is to see it."""
    state, values, looks = OptunaState.RUNNING, None, None
    if trial.state is TrialState.COMPLETE:
        state, values = OptunaState.COMPLETE, trial.values
    elif trial.state is TrialState.PRUNED:
        state, looks = OptunaState.PRUNED, trial.looks
    elif trial.state is TrialState.FAILED:
        state = OptunaState.PRUNED  # at no epoch: worse than all others
    return create_trial(
        state=state,
        values=values,
        intermediate_values=looks,
        params=proposal.params,
        distributions=proposal.distributions,
    )
