from dataclasses import replace

import pytest

from made_studies import SEARCH, made_study
from mrigen.tuning.figures.importances import LEAST_TRIALS, parameter_importances


def scored(record, score):
    """Return the study with other scores: a function of the parameters."""
    trials = [
        replace(trial, values=(score(trial.params),)) if trial.values else trial
        for trial in record.trials
    ]
    return replace(record, trials=tuple(trials))


@pytest.mark.parametrize("path", ["network.latent_size", "network.depth"])
def test_the_parameter_that_decides_the_score_matters_most(path):
    record = scored(made_study(60), lambda params: float(params[path]))
    importances = parameter_importances(record, SEARCH)
    assert next(iter(importances)) == path
    assert importances[path] > 0.7
    assert sum(importances.values()) == pytest.approx(1)


def test_parameters_that_only_some_trials_have_are_told_too():
    assert "network.sampling.components" in parameter_importances(made_study(), SEARCH)


def test_with_too_few_trials_nothing_is_told():
    record = made_study(60)
    few = replace(record, trials=record.complete[: LEAST_TRIALS - 1])
    assert parameter_importances(few, SEARCH) is None
    enough = replace(record, trials=record.complete[:LEAST_TRIALS])
    assert parameter_importances(enough, SEARCH) is not None


def test_a_parameter_with_one_value_alone_has_no_share():
    record = made_study(40)
    trials = [
        replace(trial, params={"network.latent_size": trial.number, "network.kind": "a"})
        for trial in record.trials
    ]
    importances = parameter_importances(replace(record, trials=tuple(trials)), SEARCH)
    assert list(importances) == ["network.latent_size"]


def test_what_switches_a_parameter_gets_the_credit_for_it():
    record = scored(made_study(60), lambda params: float("network.sampling.components" in params))
    importances = parameter_importances(record, SEARCH)
    assert importances["network.sampling.name"] > 0.7


def test_one_bad_trial_does_not_explain_everything():
    record = scored(made_study(60), lambda params: float(params["network.depth"]))
    first = record.complete[3]
    bad = replace(first, values=(1e6,))
    trials = tuple(bad if trial is first else trial for trial in record.trials)
    importances = parameter_importances(replace(record, trials=trials), SEARCH)
    assert importances["network.depth"] > 0.7
