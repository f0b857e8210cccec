"""An autoguided network keeps a copy of its average, once, when its time has come."""

import pytest
import torch

from mrigen.models.interfaces import Autoguided
from mrigen.training.config import TrainingConfig
from mrigen.training.loop import fit, start_state
from small_models import CPU, MODELS, STEPS, batch, bind, build

MODEL = "flow_autoguided"
EPOCHS = 4
KEPT_AT = round(MODELS[MODEL][0]["autoguidance"]["share"] * EPOCHS * STEPS)


def start(**changes):
    config = TrainingConfig(epochs=EPOCHS, learning_rate=1e-2, **changes)
    return start_state(bind(MODEL, build(MODEL)), config, CPU), config


def steps(state, config):
    batches = (batch(MODEL, step) for step in range(state.step, EPOCHS * STEPS))
    return fit(state, batches, config, steps_per_epoch=STEPS, runtime=CPU)


def weights(module):
    return [weight.clone() for weight in module.parameters()]


def equal(some, others):
    return all(torch.equal(one, other) for one, other in zip(some, others, strict=True))


@pytest.mark.parametrize(
    "averaging", [{"ema_half_lives": [0.1, 0.5]}, {"ema_decay": 0.9}, {"ema_decay": None}]
)
def test_a_guide_is_the_first_average_of_its_time_in_all_networks_to_the_end(averaging):
    state, config = start(**averaging)
    networks = (state.network, *state.candidates)
    assert isinstance(state.network, Autoguided)
    for point in steps(state, config):
        assert [bool(each.has_guide) for each in networks] == [point.step >= KEPT_AT] * len(
            networks
        )
        if point.step == KEPT_AT:
            kept = weights(state.final_network.unet)
    assert not equal(kept, weights(state.final_network.unet))
    for each in networks:
        assert equal(kept, weights(each.guide))


def test_a_guide_never_learns():
    state, config = start(ema_decay=None)
    moved = {
        id(weight)
        for each in state.optimizers.values()
        for weight in each.param_groups[0]["params"]
    }
    assert moved == {id(weight) for weight in state.network.unet.parameters()}
    before = weights(state.network.guide)
    for point in steps(state, config):
        if point.step == KEPT_AT - 1:
            assert equal(before, weights(state.network.guide))
