"""Scores are measured where Hyperband decides, and at the end."""

import optuna
import pytest
from optuna.pruners import HyperbandPruner, NopPruner

from mrigen.tuning.config import PruningConfig
from mrigen.tuning.pruning import build_pruner, look_epochs


def rungs(pruning, epochs):
    """Epochs at which Optuna writes a rung down, over trials of every bracket."""
    pruner = build_pruner(pruning, epochs)
    study = optuna.create_study(study_name="any", pruner=pruner)
    found = set()
    for _ in range(25):
        trial = study.ask()
        for epoch in range(1, epochs + 1):
            before = len(study.trials[trial.number].system_attrs)
            trial.report(-trial.number - epoch, epoch)  # the best so far goes on
            trial.should_prune()
            if len(study.trials[trial.number].system_attrs) > before:
                found.add(epoch)
        study.tell(trial, 0.0)
    return found


@pytest.mark.parametrize(
    ("pruning", "epochs"),
    [
        (PruningConfig(), 12),
        (PruningConfig(first_epoch=1), 9),
        (PruningConfig(first_epoch=2, reduction=2), 8),
    ],
)
def test_looks_are_where_hyperband_decides(pruning, epochs):
    assert set(look_epochs(pruning, epochs)) == rungs(pruning, epochs) | {epochs}


@pytest.mark.parametrize("epochs", range(1, 60))
def test_looks_rise_and_end_with_the_training(epochs):
    looks = look_epochs(PruningConfig(), epochs)

    assert list(looks) == sorted(set(looks))
    assert looks[0] >= 1
    assert looks[-1] == epochs


@pytest.mark.parametrize("epochs", [3, 10, 36, 40, 101])
def test_some_trials_are_never_given_up(epochs):
    pruner = build_pruner(PruningConfig(), epochs)
    study = optuna.create_study(study_name="any", pruner=pruner)
    given_up = []
    for number in range(40):
        trial = study.ask()
        trial.report(number, look_epochs(PruningConfig(), epochs)[0])
        given_up.append(trial.should_prune())
    # Two brackets, the first of which gets three trials of five and keeps the best of them.
    assert 15 <= sum(given_up) <= 30


def test_a_look_that_would_save_little_is_left_out():
    assert look_epochs(PruningConfig(first_epoch=3), 30) == (3, 9, 30)  # and not 27


def test_a_first_look_that_was_asked_for_is_taken_however_late():
    assert look_epochs(PruningConfig(first_epoch=20), 30) == (20, 30)


@pytest.mark.parametrize("first", [30, 40])
def test_without_an_epoch_before_the_end_nothing_is_given_up(first):
    pruning = PruningConfig(first_epoch=first)

    assert look_epochs(pruning, 30) == (30,)
    assert isinstance(build_pruner(pruning, 30), NopPruner)


def test_without_pruning_only_the_end_is_scored():
    assert look_epochs(None, 30) == (30,)
    assert isinstance(build_pruner(None, 30), NopPruner)
    assert isinstance(build_pruner(PruningConfig(), 30), HyperbandPruner)
