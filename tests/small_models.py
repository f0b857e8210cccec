"""Every kind of network with an objective that trains it, small enough for tests in seconds."""

import functools
from collections.abc import Iterator
from typing import Any

import torch
from pydantic import TypeAdapter

from mrigen.data.loader import Batch
from mrigen.models.build import NetworkConfig, build_network
from mrigen.models.interfaces import Fitted, Sampler
from mrigen.objectives.build import ObjectiveConfig, build_objective
from mrigen.training.config import TrainingConfig
from mrigen.training.loop import fit, start_state
from mrigen.training.runtime import choose_runtime
from mrigen.training.state import TrainState

SIZE = 16
CPU = choose_runtime(device="cpu")
STEPS = 5  # per epoch

_NETWORK = TypeAdapter(NetworkConfig).validate_python
_OBJECTIVE = TypeAdapter(ObjectiveConfig).validate_python

VAE = {"name": "vae", "latent_size": 8, "base_channels": 4, "depth": 2}
VQVAE = {"name": "vqvae", "base_channels": 8, "depth": 2, "latent_size": 4, "num_codes": 16}
WIDE = VQVAE | {"narrow_output": False}
RESIDUAL = {"name": "shallow_residual_ae", "base_channels": 8, "depth": 2}
PRIOR = {"width": 16, "layers": 1, "heads": 2}
GAN = {"name": "feliu_gan", "latent_size": 8, "base_channels": 4, "discriminator_channels": 4}
UNET = {"name": "unet", "base_channels": 8, "depth": 2}
FLOW = {
    "name": "flow",
    "block": 2,
    "base_channels": 8,
    "depth": 1,
    "embedding_size": 32,
    "whitening": 0.5,
    "sampling": {"steps": 6, "quick_steps": 2},
}
TOLD = FLOW | {
    "conditions": {
        "position_mm": [-40, 60],
        "age": [20, 90],
        "sex": True,
        "modality": ["T1w", "T2w"],
    }
}

BOUND = {"name": "variational", "noise_std": 0.1}
CODES = {"name": "quantized", "data_variance": 0.1, "dead_code_steps": 10}
ERROR = {"name": "reconstruction"}
GAME = {"name": "adversarial", "r1_weight": 0.1}
VELOCITY = {"name": "flow_matching"}

# Network and objective of each kind; a kind is anything that takes another way through the code.
MODELS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "vae": (VAE, BOUND),
    "vae_bernoulli": (VAE, {"name": "variational", "likelihood": "bernoulli"}),
    "vae_optimal": (VAE, BOUND | {"noise_std": "optimal", "free_bits": 0.1}),
    "vae_learned": (VAE, BOUND | {"noise_std": "learned", "kl_warmup": 0.5}),
    "vae_scaled": (VAE | {"pixel_scale": 1.1}, BOUND),
    "vae_labelled": (VAE | {"label_size": 3}, BOUND),
    "vae_mixture": (VAE | {"sampling": {"name": "mixture", "components": 2}}, BOUND),
    "vqvae": (WIDE, CODES),
    "vqvae_narrow": (VQVAE | {"pixel_scale": 1.1}, CODES),
    "vqvae_ema": (WIDE | {"codebook": "ema"}, CODES),
    "vqvae_finite": (WIDE | {"codebook": "finite_scalar", "levels": [5, 5, 5]}, CODES),
    "vqvae_prior": (WIDE | {"codebook": "ema", "code_prior": PRIOR}, CODES),
    "gan4": (GAN | {"depth": 4}, GAME),
    "gan7": (GAN, GAME | {"diff_augment": ["brightness", "contrast", "translation", "cutout"]}),
    "gan15": (GAN | {"depth": 15}, GAME),
    "gan_spectral": (GAN | {"normalisation": "spectral"}, {"name": "adversarial", "loss": "hinge"}),
    "gan_penalty": (
        GAN | {"normalisation": "none"},
        {"name": "adversarial", "loss": "wasserstein", "gradient_penalty": 10, "critic_steps": 2},
    ),
    "gan_relativistic": (
        GAN | {"normalisation": "none"},
        {"name": "adversarial", "loss": "relativistic", "r1_weight": 0.1, "r2_weight": 0.1},
    ),
    "gan_study": (GAN, {"name": "adversarial", "loss": "saturating_double_sigmoid"}),
    "gan_simultaneous": (GAN, GAME | {"simultaneous": True}),
    "gan_labelled": (GAN | {"label_size": 3}, GAME),
    "unet": (UNET, ERROR | {"patch_weight": 2}),
    "unet_direct": (UNET | {"paired_output": False}, ERROR),
    "shallow": (RESIDUAL, ERROR | {"terms": {"mse": 1.0, "dssim": 0.1}}),
    "shallow_original": (
        RESIDUAL | {"block": "original", "doubled_norms": True},
        ERROR | {"terms": {"l1": 1.0}},
    ),
    "skip_cae": ({"name": "skip_cae", "base_channels": 8, "depth": 2}, ERROR | {"l2_weight": 1e-5}),
    "residual_unet": ({"name": "residual_unet", "base_channels": 8, "depth": 2}, ERROR),
    "myronenko_cae": (
        {"name": "myronenko_cae", "base_channels": 8, "depth": 2, "dropout": 0.1},
        ERROR | {"l2_weight": 1e-5},
    ),
    "flow": (FLOW | {"preconditioning": "none"}, VELOCITY),
    "flow_labelled": (FLOW | {"label_size": 3, "dropout": 0.1}, VELOCITY),
    "flow_told": (TOLD, VELOCITY),
    "flow_guided": (
        TOLD | {"attention_levels": 0, "sampling": {"steps": 6, "quick_steps": 2, "guidance": 2.0}},
        VELOCITY | {"condition_dropout": 0.2},
    ),
    "flow_autoguided": (
        TOLD | {"autoguidance": {"weight": 2.0, "start": 0.2, "share": 0.4}},
        VELOCITY,
    ),
}
GANS = [name for name, (network, _) in MODELS.items() if network["name"] == "feliu_gan"]
FLOWS = [name for name, (network, _) in MODELS.items() if network["name"] == "flow"]


def build(model: str, seed: int = 0) -> torch.nn.Module:
    """Draw the weights of a network."""
    torch.manual_seed(seed)
    return build_network(_NETWORK(MODELS[model][0]), SIZE)


def bind(model: str, network: torch.nn.Module) -> Any:
    """Bind a model's objective to its network."""
    return build_objective(_OBJECTIVE(MODELS[model][1]), network)


def phantoms(count: int = 8) -> torch.Tensor:
    """Discs of different sizes and places."""
    rows, columns = torch.meshgrid(torch.arange(SIZE), torch.arange(SIZE), indexing="ij")
    generator = torch.Generator().manual_seed(0)
    centres = 7.5 + 4 * torch.rand(count, 2, generator=generator) - 2
    radii = 3 + 3 * torch.rand(count, generator=generator)
    squared = (rows - centres[:, 0, None, None]) ** 2 + (columns - centres[:, 1, None, None]) ** 2
    return 0.1 + 0.8 * (squared < radii[:, None, None] ** 2).float()[:, None]


def batch(model: str, step: int = 0, count: int = 8) -> Batch:
    """Phantoms behind a white line, in an order of their own at each step."""
    generator = torch.Generator().manual_seed(step)
    order = torch.randperm(count, generator=generator)
    clean = phantoms(count)[order]
    patch = torch.zeros_like(clean, dtype=torch.bool)
    patch[..., 6:9, 2:14] = True
    labels = MODELS[model][0].get("label_size", 0)
    label = torch.randn(count, labels, generator=generator) if labels else None
    damaged = MODELS[model][1]["name"] == "reconstruction"
    told = _covariates(count)[order] if "conditions" in MODELS[model][0] else None
    conditions = None if told is None else dict(zip(_COVARIATES, told.T, strict=True))
    images = torch.where(patch, 1.0, clean) if damaged else clean
    return Batch(images, clean, patch, order, label, conditions)


_COVARIATES = ("position_mm", "age", "sex", "modality")


def _covariates(count: int) -> torch.Tensor:
    """What is known of each phantom, some of it not."""
    share = torch.linspace(0, 1, count)
    known = torch.stack([100 * share - 40, 20 + 70 * share, share.round(), 1 - share.round()], 1)
    known[::3, 1] = torch.nan
    known[1::4, 2] = torch.nan
    return known


def settings(model: str, **changes: Any) -> TrainingConfig:
    """Give the training that a model learns eight phantoms with."""
    values: dict[str, Any] = {"epochs": 24, "batch_size": 8, "learning_rate": 6e-3}
    values |= {"ema_decay": None}
    if model in FLOWS:
        values |= {"ema_decay": 0.9}
    if model in GANS:
        values |= {"learning_rate": 5e-3, "epochs": 30, "betas": (0.5, 0.999), "ema_decay": 0.8}
    return TrainingConfig.model_validate(values | changes)


def start(model: str, config: TrainingConfig) -> TrainState:
    """Make the state of step 0."""
    return start_state(bind(model, build(model, config.seed)), config, CPU)


def run(model: str, state: TrainState, config: TrainingConfig) -> list[dict[str, float]]:
    """Train to the end and return the means of each epoch."""

    def batches() -> Iterator[Batch]:
        step = state.step
        while True:
            yield batch(model, step)
            step += 1

    loop = fit(state, batches(), config, steps_per_epoch=STEPS, runtime=CPU)
    return [point.terms for point in loop if point.terms is not None]


@functools.cache
def trained(model: str) -> tuple[TrainState, list[dict[str, float]]]:
    """A model that has learnt eight phantoms, and its curves; copy it before you change it."""
    config = settings(model)
    state = start(model, config)
    torch.manual_seed(0)
    curves = run(model, state, config)
    network = state.final_network.requires_grad_(requires_grad=False).eval()
    if isinstance(network, Fitted):
        network.fit_sampler([phantoms()])
    return state, curves


def answers(network: torch.nn.Module, images: torch.Tensor, noise: torch.Tensor) -> Any:
    """Everything a network answers: what it restores and what it generates, by name."""
    answered = {}
    if hasattr(network, "reconstruct"):
        answered["reconstruct"] = network.reconstruct(images)
    if isinstance(network, Sampler):
        answered["sample"] = network.sample(noise)
    return answered


def noise(network: torch.nn.Module, count: int, seed: int = 0) -> torch.Tensor:
    """Noise for so many images; empty for a network that samples nothing."""
    shape = network.noise_shape if isinstance(network, Sampler) else ()
    return torch.randn(count, *shape, generator=torch.Generator().manual_seed(seed))
