"""The loss of a VQ-VAE against the study's arithmetic, codes that start anew, and the prior."""

import copy
import math
import re

import numpy as np
import pytest
import torch
from pydantic import TypeAdapter, ValidationError

from mrigen.data.loader import Batch
from mrigen.errors import ModelError
from mrigen.models.build import NetworkConfig, build_network
from mrigen.objectives.build import ObjectiveConfig, build_objective
from mrigen.objectives.quantized import QuantizedConfig
from mrigen.training.checkpoint import load_state, save_state
from mrigen.training.config import TrainingConfig
from mrigen.training.loop import fit, start_state, validate
from mrigen.training.runtime import choose_runtime
from mrigen.training.state import TrainState

NETWORK = TypeAdapter(NetworkConfig).validate_python
OBJECTIVE = TypeAdapter(ObjectiveConfig).validate_python
CPU = choose_runtime(device="cpu")
STEPS = 4  # per epoch

PLAIN = {
    "name": "vqvae", "base_channels": 4, "depth": 2, "latent_size": 3, "num_codes": 12,
    "narrow_output": False,
}  # fmt: skip
PRIOR = {"code_prior": {"width": 16, "layers": 1, "heads": 2}}
EMA = {"codebook": "ema"}
FINITE = {"codebook": "finite_scalar", "levels": [5, 4]}


def bound(network: dict | None = None, **config):
    torch.manual_seed(0)
    built = build_network(NETWORK(PLAIN | (network or {})), 16)
    return build_objective(OBJECTIVE({"name": "quantized", **config}), built)


def batch(step: int = 0, count: int = 8) -> Batch:
    """Discs of different sizes and places, in an order of their own at each step."""
    rows, columns = torch.meshgrid(torch.arange(16), torch.arange(16), indexing="ij")
    generator = torch.Generator().manual_seed(0)
    centres = 5.5 + 4 * torch.rand(count, 2, 1, 1, generator=generator)
    radii = 3 + 3 * torch.rand(count, 1, 1, generator=generator)
    inside = (rows - centres[:, 0]) ** 2 + (columns - centres[:, 1]) ** 2 < radii**2
    order = torch.randperm(count, generator=torch.Generator().manual_seed(step))
    images = (0.1 + 0.8 * inside.float())[order, None]
    return Batch(images, images, torch.zeros_like(images, dtype=torch.bool), order)


def settings(**changes) -> TrainingConfig:
    values = {"epochs": 4, "batch_size": 8, "learning_rate": 3e-3, "ema_decay": 0.8}
    return TrainingConfig.model_validate(values | changes)


def run(state: TrainState, config: TrainingConfig, *, until: int | None = None) -> list[dict]:
    stream = (batch(step) for step in range(state.step, config.epochs * STEPS))
    means = []
    for point in fit(state, stream, config, steps_per_epoch=STEPS, runtime=CPU):
        if point.terms is not None:
            means.append(point.terms)
        if point.step == until:
            break
    return means


def test_the_loss_is_the_studys():
    # In the study's numbers: pixels in [0, 255 / 127], divided by the variance of MNIST / 128.
    scale, variance = 255 / 127, 0.37676
    objective = bound({"pixel_scale": scale}, data_variance=variance / scale**2)
    terms = objective.loss("network", batch())
    network = bound({"pixel_scale": scale}).network
    pixels = batch().input * scale
    vectors = network.encoder(pixels).movedim(1, -1).reshape(-1, 3).detach().numpy()
    codebook = network.quantiser.vectors.detach().numpy()
    distances = (vectors**2).sum(1)[:, None] + (codebook**2).sum(1) - 2 * vectors @ codebook.T
    quantised = codebook[distances.argmin(1)]
    distance = ((quantised - vectors) ** 2).mean()
    vq = 0.25 * distance + distance
    given = torch.from_numpy(quantised).view(8, 4, 4, 3).movedim(-1, 1)
    answer = network.decoder(given).detach()
    error = float((answer - pixels).square().mean())
    assert terms["loss"].item() == pytest.approx(error / variance + vq, rel=1e-4)
    assert terms["vq"].item() == pytest.approx(vq, rel=1e-4)
    assert terms["mse"].item() == pytest.approx(error / scale**2, rel=1e-4)


def test_the_studys_variance_is_documented_in_our_scale():
    documented = float(re.search(r"is (0\.09\d+) here", QuantizedConfig.__doc__)[1])
    study = 0.37676 / (255 / 127) ** 2
    assert study == pytest.approx(documented, rel=1e-5)


def test_encoder_learns_from_the_decoder_and_from_the_commitment():
    objective = bound(commitment_weight=0.5)
    network = objective.network.eval()
    encoded = network.encoder(batch().input).detach().requires_grad_()
    quantised = network.quantiser(encoded)
    straight = quantised.straight.detach().requires_grad_()
    (network.decode(straight) - batch().target).square().mean().backward()
    pull = 0.5 * 2 * (encoded - quantised.nearest).detach() / encoded.numel()
    expected = torch.autograd.grad(
        network.encoder(batch().input), network.encoder[0].weight, straight.grad + pull
    )[0]
    objective.loss("network", batch())["loss"].backward()
    torch.testing.assert_close(network.encoder[0].weight.grad, expected)


@pytest.mark.parametrize(
    ("network", "share"),
    [({}, 1.25), (EMA, 0.25), (FINITE, 0.0)],
    ids=["gradient", "ema", "finite"],
)
def test_each_codebook_has_its_own_terms(network, share):
    objective = bound(network)
    objective.network.eval()
    quantised = objective.network.encode(batch().input)
    distance = (quantised.nearest - quantised.encoded).square().mean().item()
    assert objective.loss("network", batch())["vq"].item() == pytest.approx(share * distance)


def test_perplexity_and_codes_in_use_are_those_of_the_batch():
    objective = bound(FINITE)
    objective.network.eval()
    codes = objective.network.encode_codes(batch().input).numpy().ravel()
    shares = np.unique(codes, return_counts=True)[1] / codes.size
    terms = objective.loss("network", batch())
    assert terms["codes_in_use"].item() == len(shares)
    assert terms["perplexity"].item() == pytest.approx(math.exp(-(shares * np.log(shares)).sum()))
    assert terms["most_bits"].item() == pytest.approx(16 * math.log2(20))


@pytest.mark.parametrize("network", [{}, EMA], ids=["gradient", "ema"])
def test_a_dead_code_starts_anew_on_a_vector_of_the_batch(network):
    objective = bound(network, dead_code_steps=3)
    quantiser = objective.network.quantiser
    far = torch.arange(12) == 5
    quantiser.replace(far, torch.full((12, 3), 1e3))
    for _ in range(2):
        objective.loss("network", batch())
        assert (quantiser.vectors[5] > 900).all()
    assert objective.usage.idle[5] == 2
    encoded = []
    quantiser.register_forward_hook(lambda _m, _i, out: encoded.append(out.encoded))
    objective.loss("network", batch())
    vectors = encoded[0].detach().movedim(1, -1).flatten(0, -2)
    assert (vectors == quantiser.vectors[5]).all(1).any()
    assert objective.usage.idle[5] == 0


@pytest.mark.parametrize("network", [{}, EMA], ids=["gradient", "ema"])
def test_codes_come_to_life(network):
    used = {}
    for steps in (None, 4):
        config = settings(epochs=20, ema_decay=None)
        state = start_state(bound(network, dead_code_steps=steps), config, CPU)
        # Only two codes are anywhere near.
        state.network.quantiser.replace(torch.arange(12) > 1, torch.full((12, 3), 1e3))
        used[steps] = run(state, config)[-1]["codes_in_use"]
    assert used[None] <= 2
    assert used[4] > 6


def test_judging_counts_nothing_and_moves_nothing():
    objective = bound(EMA | PRIOR, dead_code_steps=1)
    objective.network.eval()
    network, usage = copy.deepcopy(objective.network), copy.deepcopy(objective.usage)
    for phase in objective.phases:
        objective.loss(phase.name, batch())
    for before, after in ((network, objective.network), (usage, objective.usage)):
        assert all(torch.equal(v, after.state_dict()[k]) for k, v in before.state_dict().items())


def test_without_a_prior_there_is_one_phase():
    (phase,) = bound(prior_share=0.4).phases
    assert (phase.name, phase.start, phase.stop) == ("network", 0, 1)


@pytest.mark.parametrize("codebook", [{}, EMA, FINITE], ids=["gradient", "ema", "finite"])
def test_the_autoencoder_learns_first_and_then_stands_still(codebook):
    config = settings(ema_decay=None)
    state = start_state(bound(codebook | PRIOR, prior_share=0.5, dead_code_steps=2), config, CPU)
    stream = (batch(step) for step in range(16))
    loop = fit(state, stream, config, steps_per_epoch=STEPS, runtime=CPU)
    snapshots = [copy.deepcopy(state.network.state_dict()) for _ in loop]

    def moved(first: int, last: int, part: str) -> list[bool]:
        return [
            not torch.equal(value, snapshots[last][name])
            for name, value in snapshots[first].items()
            if name.startswith(part)
        ]

    assert not any(moved(0, 7, "code_prior"))
    assert all(moved(0, 7, "autoencoder.encoder"))
    assert not any(moved(7, 15, "autoencoder"))
    assert any(moved(7, 15, "code_prior"))


def test_the_prior_learns_the_codes_that_are_decoded():
    sure = {"code_prior": PRIOR["code_prior"] | {"dropout": 0.0}}
    objective = bound(FINITE | sure)
    network = objective.network.train()
    terms = objective.loss("prior", batch())
    network.eval()
    codes = network.encode_codes(batch().input).flatten(1)
    nats = network.code_prior.nats_per_code(codes)
    torch.testing.assert_close(terms["loss"], nats)
    torch.testing.assert_close(terms["bits_per_image"], nats.detach() * 16 / math.log(2))
    terms["loss"].backward()
    assert all(value.grad is None for value in network.autoencoder.parameters())


@pytest.mark.parametrize("codebook", [{}, EMA, FINITE], ids=["gradient", "ema", "finite"])
def test_the_average_that_is_kept_reproduces_as_well(codebook):
    config = settings(epochs=60, learning_rate=1e-2, ema_decay=0.95)
    objective = bound(codebook | PRIOR, data_variance=0.1, dead_code_steps=5)
    state = start_state(objective, config, CPU)
    run(state, config)
    images, errors = batch().target, []
    for network in (state.network.eval(), state.final_network):
        with torch.inference_mode():
            errors.append((network.reconstruct(images) - images).square().mean().item())
    assert errors[1] < 1.2 * errors[0]
    assert errors[1] < 0.4 * images.var().item()
    with torch.inference_mode():
        same = state.network.encode_codes(images) == state.final_network.encode_codes(images)
    assert same.float().mean() > 0.95


@pytest.mark.parametrize("until", [5, 10])  # in either phase
@pytest.mark.parametrize("codebook", [{}, EMA, FINITE], ids=["gradient", "ema", "finite"])
def test_a_resumed_run_is_bit_equal_to_an_unbroken_one(codebook, until, tmp_path):
    def fresh(seed: int) -> TrainState:
        objective = bound(codebook | PRIOR, prior_share=0.5, dead_code_steps=2)
        torch.manual_seed(seed)
        return start_state(objective, config, CPU)

    config = settings()
    unbroken = fresh(1)
    curves = run(unbroken, config)
    broken = fresh(1)
    before = run(broken, config, until=until)
    save_state(broken, tmp_path / "state.safetensors", {})
    resumed = fresh(2)
    load_state(resumed, tmp_path / "state.safetensors")
    assert before + run(resumed, config) == curves
    for one, other in (
        (unbroken.network, resumed.network),
        (unbroken.final_network, resumed.final_network),
        (unbroken.objective.usage, resumed.objective.usage),
    ):
        for name, value in one.state_dict().items():
            assert torch.equal(value, other.state_dict()[name]), name


@pytest.mark.parametrize("codebook", [{}, EMA, FINITE], ids=["gradient", "ema", "finite"])
def test_trains_in_bfloat16(codebook):
    config = settings(epochs=2, ema_decay=None)
    state = start_state(bound(codebook | PRIOR, dead_code_steps=2), config, CPU)
    runtime = choose_runtime(device="cpu", precision="bf16")
    stream = (batch(step) for step in range(8))
    for _ in fit(state, stream, config, steps_per_epoch=STEPS, runtime=runtime):
        pass
    assert all(
        value.dtype in (torch.float32, torch.int64) for value in state.network.state_dict().values()
    )
    terms = validate(state.objective, [batch()], seed=0, runtime=runtime)
    assert all(math.isfinite(value) for value in terms.values())


def test_goes_with_networks_that_have_codes_and_with_no_others():
    with pytest.raises(
        ModelError, match="objective 'quantized' needs a network with a grid of codes"
    ):
        build_objective(
            OBJECTIVE({"name": "quantized"}),
            build_network(NETWORK({"name": "unet", "base_channels": 2, "depth": 2}), 16),
        )
    for network in (PLAIN, PLAIN | PRIOR):
        with pytest.raises(ModelError, match="'vqvae' with 'quantized'"):
            build_objective(
                OBJECTIVE({"name": "reconstruction"}), build_network(NETWORK(network), 16)
            )


@pytest.mark.parametrize("share", [0, 1])
def test_refuses_a_prior_that_never_or_always_learns(share):
    with pytest.raises(ValidationError, match="prior_share"):
        OBJECTIVE({"name": "quantized", "prior_share": share})
