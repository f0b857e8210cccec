"""What the training block takes, and what it leaves unsaid."""

import pytest
from pydantic import ValidationError

from mrigen.training.config import LooksConfig, TrainingConfig

BY_IMAGES = {"keep": "best", "judged_by": "kernel_distance"}


def config(**training: object) -> TrainingConfig:
    return TrainingConfig.model_validate(training)


@pytest.mark.parametrize(
    "training",
    [
        {},
        {"ema_decay": None},
        {"ema_half_lives": [0.05, 0.1]},
        BY_IMAGES | {"looks": {"every": 2}, "ema_half_lives": [0.5]},
    ],
)
def test_a_dump_is_read_as_what_it_was(training):
    first = config(**training)
    assert TrainingConfig.model_validate(first.model_dump(mode="json")) == first


def test_keys_that_say_nothing_are_left_out():
    plain = config(keep="best").model_dump(mode="json")
    assert not plain.keys() & {"judged_by", "looks", "ema_half_lives"}
    assert config(**BY_IMAGES).model_dump(mode="json")["looks"] == LooksConfig().model_dump()
    said = config(**BY_IMAGES, looks={"every": 2}, ema_half_lives=[0.1]).model_dump(mode="json")
    assert said["judged_by"] == "kernel_distance"
    assert said["looks"] == LooksConfig(every=2).model_dump()
    assert said["ema_half_lives"] == [0.1]


def test_half_lives_take_the_place_of_the_decay():
    assert config().ema_decay == 0.999
    assert config(ema_half_lives=[0.1]).ema_decay is None


@pytest.mark.parametrize(
    ("training", "words"),
    [
        ({"ema_half_lives": [0.1], "ema_decay": 0.99}, "either 'ema_decay' or 'ema_half_lives'"),
        ({"ema_half_lives": [0.1, 0.1]}, "each of 'ema_half_lives' once"),
        ({"ema_half_lives": [0.6]}, "less than or equal to 0.5"),
        ({"ema_half_lives": [0.0]}, "greater than 0"),
        ({"ema_half_lives": []}, "at least 1"),
        ({"ema_half_lives": [0.1, 0.2, 0.3, 0.4, 0.5]}, "at most 4"),
        ({"judged_by": "kernel_distance"}, "'keep: best' beside it"),
        ({"keep": "best", "looks": {"every": 2}}, "'judged_by: kernel_distance' beside it"),
        ({"judged_by": "frechet_distance", "keep": "best"}, "'loss' or 'kernel_distance'"),
    ],
)
def test_what_contradicts_itself_is_refused(training, words):
    with pytest.raises(ValidationError, match=words):
        config(**training)


def test_only_what_the_loss_decides_watches_it():
    assert config(keep="best").watches_validation
    assert not config(**BY_IMAGES).watches_validation
    assert config(**BY_IMAGES, early_stopping={}).watches_validation


@pytest.mark.parametrize(
    ("looks", "epochs", "due"),
    [
        ({}, 20, [10, 15, 20]),
        ({"every": 4, "start": 0.3}, 10, [3, 7, 10]),
        ({"every": 1, "start": 0}, 3, [1, 2, 3]),
        ({"every": 50}, 9, [4, 9]),
        ({}, 1, [1]),
    ],
)
def test_looks_begin_late_and_the_last_epoch_has_one(looks, epochs, due):
    planned = LooksConfig(**looks)
    assert [n for n in range(1, epochs + 1) if planned.is_due(n, epochs)] == due
