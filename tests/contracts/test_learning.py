"""What every pair of network and objective promises to the training loop."""

import copy

import pytest
import torch

from mrigen.training.loop import validate
from mrigen.training.runtime import choose_runtime
from small_models import (
    CPU,
    FLOWS,
    GANS,
    MODELS,
    batch,
    bind,
    build,
    noise,
    phantoms,
    run,
    settings,
    start,
    trained,
)

AUTOENCODERS = [name for name in MODELS if name not in GANS + FLOWS]


@pytest.mark.parametrize("model", MODELS)
def test_gradients_of_the_phases_reach_every_parameter(model):
    objective = bind(model, build(model).train())
    for kernel in objective.network.parameters():
        if kernel.dim() > 1 and not kernel.any():
            # One that starts at zero lets no slope through until it has moved.
            torch.nn.init.normal_(kernel, std=0.1)
    for phase in objective.phases:
        torch.manual_seed(0)
        loss = objective.loss(phase.name, batch(model), phase.start)["loss"]
        torch.autograd.backward(loss, inputs=phase.parameters())
    still = {
        name
        for name, value in objective.network.named_parameters()
        if value.requires_grad  # a guide learns nothing
        # A bias before a normalisation has no effect, and so no slope; a kernel always has.
        and (
            value.grad is None
            or not torch.isfinite(value.grad).all()
            or (value.dim() > 1 and not value.grad.any())
        )
    }
    assert not still


@pytest.mark.parametrize("count", [1, 3, 7])
@pytest.mark.parametrize("model", MODELS)
def test_learns_from_batches_of_any_size(model, count):
    objective = bind(model, build(model).train())
    for phase in objective.phases:
        terms = objective.loss(phase.name, batch(model, count=count), phase.start)
        assert all(torch.isfinite(value).all() and value.dim() == 0 for value in terms.values())


@pytest.mark.parametrize("model", AUTOENCODERS)
def test_overfits_eight_phantoms(model):
    _, curves = trained(model)
    (key,) = {name for name in curves[0] if name == "mse" or name.endswith("_mse")}
    errors = [means[key] for means in curves if key in means]
    assert errors[-1] < 0.3 * errors[0]
    assert errors[-1] < 0.04


def test_a_prior_learns_which_codes_follow_each_other():
    _, curves = trained("vqvae_prior")
    nats = [means["prior_loss"] for means in curves if "prior_loss" in means]
    assert nats[-1] < 0.5 * nats[0]


@pytest.mark.parametrize("model", FLOWS)
def test_a_flow_learns_where_eight_phantoms_lie(model):
    _, curves = trained(model)
    losses = [means["loss"] for means in curves]
    assert losses[-1] < 0.6 * losses[0]


# What every loss of the game teaches is in tests/objectives.
@pytest.mark.parametrize("model", ["gan4", "gan7", "gan15", "gan_spectral", "gan_labelled", *FLOWS])
def test_a_generator_learns_the_brightness_of_its_phantoms(model):
    state, _ = trained(model)
    real = phantoms().mean(0)
    fresh = build(model).eval()
    with torch.inference_mode():
        before = (fresh.sample(noise(fresh, 64)).mean(0) - real).abs().mean()
        after = (state.final_network.sample(noise(fresh, 64)).mean(0) - real).abs().mean()
    assert after < 0.75 * before


@pytest.mark.parametrize("model", MODELS)
def test_the_same_seed_trains_the_same_bytes(model):
    config = settings(model, epochs=2)
    first, second = start(model, config), start(model, config)
    for name, value in first.network.state_dict().items():
        assert torch.equal(value, second.network.state_dict()[name]), name
    torch.manual_seed(1)
    curves = run(model, first, config)
    torch.manual_seed(1)
    assert run(model, second, config) == curves
    for name, value in first.network.state_dict().items():
        assert torch.equal(value, second.network.state_dict()[name]), name


@pytest.mark.parametrize("model", MODELS)
def test_validation_is_repeatable_and_moves_nothing(model):
    state = trained(model)[0]
    objective = bind(model, copy.deepcopy(state.final_network))
    before = copy.deepcopy(objective.network.state_dict())
    batches = [batch(model), batch(model, count=3)]
    first = validate(objective, batches, seed=1, runtime=CPU)
    assert validate(objective, batches, seed=1, runtime=CPU) == first
    assert all(torch.equal(before[key], v) for key, v in objective.network.state_dict().items())


@pytest.mark.parametrize("model", MODELS)
def test_bfloat16_gives_nearly_the_same_loss(model):
    state = trained(model)[0]
    objective = bind(model, copy.deepcopy(state.final_network))
    exact = validate(objective, [batch(model)], seed=1, runtime=CPU)
    half = choose_runtime(device="cpu", precision="bf16")
    rough = validate(objective, [batch(model)], seed=1, runtime=half)
    for name, value in exact.items():
        if name.endswith("loss"):
            assert rough[name] == pytest.approx(value, rel=0.15, abs=0.02), name
