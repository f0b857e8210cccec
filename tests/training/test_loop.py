"""One loop for every model: it learns, repeats, and goes on where it was cut."""

from collections.abc import Iterator

import pytest
import torch
from pydantic import TypeAdapter

from mrigen.data.loader import Batch
from mrigen.errors import ModelError
from mrigen.models.build import NetworkConfig, build_network
from mrigen.objectives.build import ObjectiveConfig, build_objective
from mrigen.training.checkpoint import load_state, read_extra, save_state
from mrigen.training.config import TrainingConfig
from mrigen.training.loop import fit, start_state, validate
from mrigen.training.runtime import choose_runtime
from mrigen.training.schedule import rate_factor
from mrigen.training.state import TrainState

CPU = choose_runtime(device="cpu")
FAMILIES = {
    "vae": (
        {"name": "vae", "latent_size": 8, "base_channels": 4, "depth": 2},
        {"name": "variational", "noise_std": 0.1},
    ),
    "gan": (
        {"name": "feliu_gan", "latent_size": 8, "base_channels": 4, "discriminator_channels": 4},
        {"name": "adversarial", "r1_weight": 0.1},
    ),
    "unet": (
        {"name": "unet", "base_channels": 8, "depth": 2},
        {"name": "reconstruction", "patch_weight": 2},
    ),
}
STEPS = 5  # per epoch


def start(family: str, config: TrainingConfig) -> TrainState:
    network, objective = FAMILIES[family]
    torch.manual_seed(config.seed)
    built = build_network(TypeAdapter(NetworkConfig).validate_python(network), 16)
    bound = build_objective(TypeAdapter(ObjectiveConfig).validate_python(objective), built)
    return start_state(bound, config, CPU)


def phantoms(count: int = 8) -> torch.Tensor:
    """Discs of different sizes and places."""
    rows, columns = torch.meshgrid(torch.arange(16), torch.arange(16), indexing="ij")
    generator = torch.Generator().manual_seed(0)
    centres = 7.5 + 4 * torch.rand(count, 2, generator=generator) - 2
    radii = 3 + 3 * torch.rand(count, generator=generator)
    squared = (rows - centres[:, 0, None, None]) ** 2 + (columns - centres[:, 1, None, None]) ** 2
    return 0.1 + 0.8 * (squared < radii[:, None, None] ** 2).float()[:, None]


def batches(start_step: int = 0) -> Iterator[Batch]:
    target = phantoms()
    step = start_step
    while True:
        order = torch.randperm(8, generator=torch.Generator().manual_seed(step))
        clean = target[order]
        patch = torch.zeros_like(clean, dtype=torch.bool)
        patch[..., 6:9, 2:14] = True
        yield Batch(torch.where(patch, 1.0, clean), clean, patch, order)
        step += 1


def run(state: TrainState, config: TrainingConfig, *, until: int | None = None) -> list[dict]:
    means = []
    loop = fit(state, batches(state.step), config, steps_per_epoch=STEPS, runtime=CPU)
    for point in loop:
        if point.terms is not None:
            means.append(point.terms)
        if point.step == until:
            break
    return means


def assert_equal_states(first: TrainState, second: TrainState) -> None:
    networks = [(first.network, second.network), (first.final_network, second.final_network)]
    for one, other in networks:
        for (name, left), right in zip(
            one.state_dict().items(), other.state_dict().values(), strict=True
        ):
            assert torch.equal(left, right), name


def test_two_averages_in_one_run_are_those_of_two_runs():
    shares = (0.05, 0.3)
    states = []
    for half_lives in (shares, shares[:1], shares[1:]):
        config = TrainingConfig(epochs=3, batch_size=8, ema_half_lives=half_lives)
        states.append(start("unet", config))
        run(states[-1], config)
    both, first, second = states
    assert len(both.candidates) == 2
    for one, other in zip(
        both.candidates, (first.final_network, second.final_network), strict=True
    ):
        for left, right in zip(one.parameters(), other.parameters(), strict=True):
            assert torch.equal(left, right)
            assert left.stride() == right.stride()
    left, right = (next(each.parameters()) for each in both.candidates)
    assert not torch.equal(left, right)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_resumed_run_is_bit_equal_to_an_unbroken_one(family, tmp_path):
    config = TrainingConfig(epochs=4, batch_size=8, learning_rate=1e-2, schedule="cosine")
    unbroken = start(family, config)
    curves = run(unbroken, config)

    broken = start(family, config)
    before = run(broken, config, until=7)  # in the middle of the second epoch
    save_state(broken, tmp_path / "state.safetensors", {"note": [1, "two"]})
    torch.manual_seed(12345)  # another process starts with other random states
    resumed = start(family, config.model_copy(update={"seed": 99}))
    load_state(resumed, tmp_path / "state.safetensors")
    assert read_extra(tmp_path / "state.safetensors") == (7, {"note": [1, "two"]})
    after = run(resumed, config)

    assert resumed.step == unbroken.step == 4 * STEPS
    assert before + after == curves
    assert_equal_states(unbroken, resumed)


@pytest.mark.parametrize("optimizer", ["adam", "adamw", "rmsprop"])
def test_every_optimizer_resumes(optimizer, tmp_path):
    config = TrainingConfig(epochs=2, batch_size=8, optimizer=optimizer, weight_decay=1e-3)
    unbroken = start("unet", config)
    run(unbroken, config)
    broken = start("unet", config)
    run(broken, config, until=3)
    save_state(broken, tmp_path / "state.safetensors", {})
    resumed = start("unet", config)
    load_state(resumed, tmp_path / "state.safetensors")
    run(resumed, config)
    assert_equal_states(unbroken, resumed)


@pytest.mark.parametrize("family", ["vae", "unet"])
def test_overfits_eight_phantoms(family):
    config = TrainingConfig(epochs=60, batch_size=8, learning_rate=3e-3, ema_decay=None)
    state = start(family, config)
    means = run(state, config)
    assert means[-1]["mse"] < 0.25 * means[0]["mse"]
    assert means[-1]["mse"] < 0.02


def test_generator_learns_the_brightness_of_its_phantoms():
    config = TrainingConfig(
        epochs=60, batch_size=8, learning_rate=2e-3, betas=(0.5, 0.999), ema_decay=0.9
    )
    state = start("gan", config)
    noise = torch.randn(64, 8, generator=torch.Generator().manual_seed(0))
    real = phantoms().mean(0)
    before = (state.final_network.sample(noise).mean(0) - real).abs().mean()
    run(state, config)
    after = (state.final_network.sample(noise).mean(0) - real).abs().mean()
    assert after < 0.5 * before


def test_only_the_phase_that_is_due_moves():
    config = TrainingConfig(epochs=1, batch_size=8, ema_decay=None)
    state = start("gan", config)
    objective = state.objective
    objective.phases = (objective.phases[0], objective.phases[1]._replace(every=2))
    weight = objective.network.generator.start.weight
    loop = fit(state, batches(), config, steps_per_epoch=STEPS, runtime=CPU)
    moved = [weight.detach().clone() for _ in loop]
    assert torch.equal(moved[0], moved[1])
    assert not torch.equal(moved[1], moved[2])


def test_average_trails_the_weights():
    config = TrainingConfig(epochs=2, batch_size=8, ema_decay=0.5)
    state = start("unet", config)
    start_weight = state.network.output.weight.detach().clone()
    run(state, config)
    average = state.final_network.output.weight
    assert not torch.equal(average, state.network.output.weight)
    assert not torch.equal(average, start_weight)


def test_divergence_is_one_sentence():
    config = TrainingConfig(epochs=1, batch_size=8)
    state = start("unet", config)
    with torch.no_grad():
        state.network.output.bias.fill_(float("nan"))
    words = r"diverged in step 1, where 'loss' is nan.*'learning_rate'"
    with pytest.raises(ModelError, match=words):
        run(state, config)


def test_validation_leaves_training_as_it_was():
    config = TrainingConfig(epochs=1, batch_size=8)
    state = start("vae", config)
    stream = batches()
    first = [next(stream) for _ in range(2)]
    random = torch.get_rng_state()
    one = validate(state.objective, first, seed=1, runtime=CPU)
    assert validate(state.objective, first, seed=1, runtime=CPU) == one
    assert torch.equal(random, torch.get_rng_state())


@pytest.mark.parametrize(
    ("step", "expected"), [(0, 0.25), (3, 1.0), (4, 1.0), (52, 0.5), (99, 0.00027)]
)
def test_cosine_schedule_with_warmup(step, expected):
    config = TrainingConfig(schedule="cosine", warmup_steps=4)
    assert rate_factor(config, step, 100) == pytest.approx(expected, abs=1e-4)


def test_bfloat16_trains():
    config = TrainingConfig(epochs=1, batch_size=8)
    state = start("unet", config)
    runtime = choose_runtime(device="cpu", precision="bf16")
    loop = fit(state, batches(), config, steps_per_epoch=STEPS, runtime=runtime)
    assert [point.terms for point in loop][-1]["loss"] < 1
    assert state.network.output.weight.dtype == torch.float32


@pytest.mark.parametrize("damage", ["truncate", "garbage"])
def test_damaged_checkpoint_is_one_sentence(damage, tmp_path):
    config = TrainingConfig(epochs=1, batch_size=8)
    path = tmp_path / "state.safetensors"
    save_state(start("unet", config), path, {})
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2] if damage == "truncate" else b"garbage")
    with pytest.raises(ModelError, match=r"cannot be read.*delete it"):
        load_state(start("unet", config), path)


def test_checkpoint_of_another_network_is_one_sentence(tmp_path):
    config = TrainingConfig(epochs=1, batch_size=8)
    path = tmp_path / "state.safetensors"
    save_state(start("unet", config), path, {})
    with pytest.raises(ModelError, match="does not fit this network"):
        load_state(start("vae", config), path)
