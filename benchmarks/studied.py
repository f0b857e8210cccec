"""The studies' networks with their losses, sizes, batches and optimisers, for the benchmarks."""

from typing import Any, NamedTuple

import torch
from pydantic import TypeAdapter

from mrigen.data.loader import Batch
from mrigen.models.build import NetworkConfig, build_network
from mrigen.objectives.base import Objective
from mrigen.objectives.build import ObjectiveConfig, build_objective
from mrigen.training.config import TrainingConfig


class Study(NamedTuple):
    """One network as its study trains it."""

    network: dict[str, Any]
    objective: dict[str, Any]
    size: int
    batch: int
    optimizer: str = "adam"
    learning_rate: float = 1e-3


_MSE = {"name": "reconstruction"}
_GAN = {"name": "adversarial", "loss": "saturating_double_sigmoid"}
# 1000 * mean squared error of pixels in [0, 2.008], as a normal likelihood of pixels in [0, 1].
_VAE = {"name": "variational", "noise_std": 1.4254}


def _gan(depth: int) -> Study:
    return Study({"name": "feliu_gan", "depth": depth}, _GAN, 112, 32, "adam", 1e-4)


def _arnaiz(name: str) -> Study:
    return Study({"name": name}, _MSE, 128, 32, "rmsprop")


STUDIES = {
    "gan4": _gan(4),
    "gan7": _gan(7),
    "gan15": _gan(15),
    "vae": Study({"name": "vae", "pixel_scale": 255 / 127}, _VAE, 128, 64, "adam", 5e-4),
    "vqvae": Study(
        {"name": "vqvae", "pixel_scale": 255 / 127},
        {"name": "quantized", "data_variance": 0.37676},
        128,
        64,
    ),
    "shallow_residual_ae": _arnaiz("shallow_residual_ae"),
    "skip_cae": _arnaiz("skip_cae"),
    "residual_unet": _arnaiz("residual_unet"),
    "myronenko_cae": _arnaiz("myronenko_cae"),
    "unet": Study({"name": "unet"}, _MSE, 64, 24, "adam", 1e-4),
}


def make_objective(study: Study) -> Objective:
    """Build the network from seed 0 and bind its loss to it."""
    torch.manual_seed(0)
    network = build_network(TypeAdapter(NetworkConfig).validate_python(study.network), study.size)
    return build_objective(TypeAdapter(ObjectiveConfig).validate_python(study.objective), network)


def make_batch(study: Study) -> Batch:
    """Return a batch of noise, since speed does not depend on what is in the images."""
    images = torch.rand(study.batch, 1, study.size, study.size)
    patch = torch.zeros_like(images, dtype=torch.bool)
    return Batch(images, images, patch, torch.arange(study.batch))


def make_config(study: Study) -> TrainingConfig:
    """Return the study's optimiser, without an average of the weights: no study had one."""
    return TrainingConfig(
        epochs=10**5,
        batch_size=study.batch,
        optimizer=study.optimizer,
        learning_rate=study.learning_rate,
        epsilon=1e-7,
        ema_decay=None,
    )
