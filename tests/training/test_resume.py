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


SEVERAL = ("vqvae_ema", "gan7", "unet")  # with buffers of their own, with two phases, without
AVERAGED = [(model, {"ema_decay": 0.9}) for model in small_models.MODELS] + [
    (model, {"ema_decay": None, "ema_half_lives": (0.1, 0.4)}) for model in SEVERAL
]


@pytest.mark.parametrize(("model", "averaged"), AVERAGED)
def test_a_resumed_training_is_bit_equal(model, averaged, tmp_path):
    resumed = resume(model, tmp_path, **averaged)
    assert len(resumed.candidates) == len(averaged.get("ema_half_lives", [0]))


def test_a_resumed_training_with_orthogonal_steps_is_bit_equal(monkeypatch, tmp_path):
    wide = small_models.TOLD | {"base_channels": 32}
    monkeypatch.setitem(small_models.MODELS, "flow_wide", (wide, small_models.VELOCITY))
    settings = {"optimizer": "muon", "ema_half_lives": (0.1, 0.4), "weight_decay": 0.1}
    resumed = resume("flow_wide", tmp_path, **settings, clip_norm=1.0)
    moved = resumed.optimizers["network"].state.items()
    kernels = [weights for weights, slots in moved if "momentum" in slots]
    assert any(weights.is_contiguous(memory_format=torch.channels_last) for weights in kernels)
    assert 0 < len(kernels) < len(moved)


def resume(model, folder, **changes) -> TrainState:
    """Train without a break and with one, expect the same bits, and return the latter's state."""
    config = small_models.settings(model, epochs=3, warmup_steps=2, **changes)
    whole = small_models.start(model, config)
    torch.manual_seed(1)
    curves = run(model, whole, config, 3 * STEPS)

    broken = small_models.start(model, config)
    torch.manual_seed(1)
    before = run(model, broken, config, 5)
    save_state(broken, folder / "state.safetensors", {})
    resumed = small_models.start(model, config.model_copy(update={"seed": 9}))
    load_state(resumed, folder / "state.safetensors")
    after = run(model, resumed, config, 3 * STEPS)

    assert before + after == curves
    assert [list(means) for means in before + after] == [list(means) for means in curves]
    for one, other in (
        (whole.network, resumed.network),
        *zip(whole.candidates, resumed.candidates, strict=True),
    ):
        for (name, left), right in zip(
            one.state_dict().items(), other.state_dict().values(), strict=True
        ):
            assert torch.equal(left, right), name
    for first, second in zip(whole.objective.phases, resumed.objective.phases, strict=True):
        if first.extra is not None and second.extra is not None:
            left, right = first.extra.state_dict(), second.extra.state_dict()
            assert all(torch.equal(left[name], right[name]) for name in left)
    return resumed
