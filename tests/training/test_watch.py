"""What follows from a curve of validation losses, epoch by epoch, as Keras' callbacks have it."""

import json

import pytest

from mrigen.training.config import EarlyStoppingConfig, PlateauConfig, TrainingConfig
from mrigen.training.watch import EarlyStopping, Plateau, Watch

NAN = float("nan")


def test_the_rate_falls_after_the_patience_and_waits_anew():
    plateau = Plateau(PlateauConfig(factor=0.2, patience=2, min_delta=0.1, min_rate=1e-5), 1e-3)
    rates = []
    # Better, too little, too little, the same, too little, better, worse, worse, ...
    for loss in (5, 4, 3.95, 3.92, 3.92, 3.91, 2, 3, 3, 3, 3, 3, 3):
        plateau.note(loss)
        rates.append(plateau.scale * 1e-3)
    first, second, third, least = 1e-3, 2e-4, 4e-5, 1e-5
    expected = [first] * 3 + [second] * 2 + [third] * 3 + [least] * 5
    assert rates == pytest.approx(expected)


def test_a_rate_below_the_least_stays():
    plateau = Plateau(PlateauConfig(patience=1, min_rate=1e-2), 1e-3)
    for _ in range(3):
        plateau.note(1.0)
    assert plateau.scale == 1


@pytest.mark.parametrize(
    ("losses", "epochs"),
    [
        ((5, 4, 4, 4, 4), 5),  # the third epoch without progress
        ((5, 4, 3.95, 3.92, 3.85, 3.8, 3.78, 3.76), 8),  # the fifth is enough below the second
        ((5, 5, 5, 4, 5, 5, 5), 7),
        ((5, NAN, NAN, NAN), 4),  # not a number is no progress
        ((5, 4, 3, 2, 1), None),
    ],
)
def test_training_stops_after_the_patience(losses, epochs):
    stopping = EarlyStopping(EarlyStoppingConfig(patience=3, min_delta=0.1))
    stops = []
    for epoch, loss in enumerate(losses, start=1):
        stopping.note(loss)
        stops += [epoch] if stopping.stopped else []
    assert stops == ([epochs] if epochs else [])


def watch(**training: object) -> Watch:
    return Watch(TrainingConfig.model_validate(training))


def test_best_is_any_improvement_however_small():
    watched = watch(keep="best", early_stopping={"patience": 2, "min_delta": 1.0})
    for epoch, loss in enumerate((5.0, 4.9, 4.95), start=1):
        watched.note(loss, epoch)
    assert (watched.best, watched.best_epoch) == (4.9, 2)
    assert watched.stopped


def test_what_is_not_asked_for_is_not_done():
    watched = watch(keep="best")
    for epoch in range(1, 100):
        watched.note(1.0, epoch)
    assert not watched.stopped
    assert watched.rate_scale == 1
    assert watched.best_epoch == 1


@pytest.mark.parametrize("cut", range(1, 9))
def test_a_watch_goes_on_in_the_middle_of_a_wait(cut):
    settings = {
        "schedule": "plateau",
        "plateau": {"patience": 2, "factor": 0.5},
        "early_stopping": {"patience": 5},
    }
    losses = (3, 2, NAN, 2, 2, 1, 1, 1, 1, 1)
    whole, first, second = (watch(**settings) for _ in range(3))
    for epoch, loss in enumerate(losses, start=1):
        whole.note(loss, epoch)
    for epoch, loss in enumerate(losses[:cut], start=1):
        first.note(loss, epoch)
    second.load(json.loads(json.dumps(first.state())))
    for epoch, loss in enumerate(losses[cut:], start=cut + 1):
        second.note(loss, epoch)
    assert second.state() == whole.state()
    assert second.rate_scale == whole.rate_scale == 0.125
    assert second.stopped is whole.stopped is False
