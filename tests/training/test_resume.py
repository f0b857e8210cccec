"""Every kind of model goes on to the bit as if it had never stopped."""

from collections.abc import Iterator

import pytest
import torch

import small_models
from mrigen.data.loader import Batch
from mrigen.training.checkpoint import load_state, save_state
from mrigen.training.config import TrainingConfig
from mrigen.training.loop import fit
from mrigen.training.state import TrainState

STEPS = 3  # per epoch


def batches(model: str, step: int) -> Iterator[Batch]:
    while True:
        yield small_models.batch(model, step)
        step += 1


def run(model: str, state: TrainState, config: TrainingConfig, until: int) -> list[dict]:
    loop = fit(
        state,
        batches(model, state.step),
        config,
        steps_per_epoch=STEPS,
        runtime=small_models.CPU,
    )
    means = []
    for point in loop:
        if point.terms is not None:
            means.append(point.terms)
            state.rate_scale /= 2  # as a plateau does, between two epochs
        if point.step == until:
            break
    return means


@pytest.mark.parametrize("model", small_models.MODELS)
def test_a_resumed_training_is_bit_equal(model, tmp_path):
    config = small_models.settings(model, epochs=3, ema_decay=0.9, warmup_steps=2)
    whole = small_models.start(model, config)
    torch.manual_seed(1)
    curves = run(model, whole, config, 3 * STEPS)

    broken = small_models.start(model, config)
    torch.manual_seed(1)
    before = run(model, broken, config, 5)
    save_state(broken, tmp_path / "state.safetensors", {})
    resumed = small_models.start(model, config.model_copy(update={"seed": 9}))
    load_state(resumed, tmp_path / "state.safetensors")
    after = run(model, resumed, config, 3 * STEPS)

    assert before + after == curves
    assert [list(means) for means in before + after] == [list(means) for means in curves]
    for one, other in (
        (whole.network, resumed.network),
        (whole.final_network, resumed.final_network),
    ):
        for (name, left), right in zip(
            one.state_dict().items(), other.state_dict().values(), strict=True
        ):
            assert torch.equal(left, right), name
    for first, second in zip(whole.objective.phases, resumed.objective.phases, strict=True):
        if first.extra is not None and second.extra is not None:
            left, right = first.extra.state_dict(), second.extra.state_dict()
            assert all(torch.equal(left[name], right[name]) for name in left)
