"""pythae's variational autoencoder with its mixture sampler, for `flow_comparison.py`.

Model, loss, trainer and sampler are pythae's. Encoder and decoder have the layers of its benchmark
on CelebA, which is for 64 pixels, too, but for one channel and a quarter as wide: as published, two
cores would see each training slice five times in twenty minutes. The learning rate is ten times
that of the benchmark, whose training has thirty times the updates. An epoch is begun if the seconds
that are left suffice for one; the weights of the epoch with the smallest validation loss are kept,
as the trainer does.
"""

import copy
import logging
import tempfile
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from flow_training import Bench, Draw, Trained
from pythae.data.datasets import BaseDataset
from pythae.models import VAE, VAEConfig
from pythae.models.base.base_utils import ModelOutput
from pythae.models.nn import BaseDecoder, BaseEncoder
from pythae.samplers import GaussianMixtureSampler, GaussianMixtureSamplerConfig
from pythae.trainers import BaseTrainer, BaseTrainerConfig
from torch import Tensor, nn

from mrigen.data.loader import TRAIN, VALIDATION
from mrigen.errors import DataError
from mrigen.images import from_integers, to_uint8

RECIPE: dict[str, Any] = {
    "latent_size": 64,
    "width": 32,
    "batch_size": 64,
    "learning_rate": 1e-3,
    "components": 10,
}
SIZE = 64


class Encoder(BaseEncoder):  # type: ignore[misc] # pythae has no types
    """Four strided convolutions and two linear layers, (N, 1, 64, 64) to mean and log-variance."""

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        before, width = 1, RECIPE["width"]
        for after in (width, 2 * width, 4 * width, 8 * width):
            layers += [nn.Conv2d(before, after, 4, 2, 1), nn.BatchNorm2d(after), nn.ReLU()]
            before = after
        self.layers = nn.Sequential(*layers, nn.Flatten())
        self.mean = nn.Linear(before * (SIZE // 16) ** 2, RECIPE["latent_size"])
        self.log_variance = nn.Linear(before * (SIZE // 16) ** 2, RECIPE["latent_size"])

    def forward(self, images: Tensor) -> ModelOutput:
        """Return what pythae expects of an encoder."""
        features = self.layers(images)
        mean, log_variance = self.mean(features), self.log_variance(features)
        return ModelOutput(embedding=mean, log_covariance=log_variance)


class Decoder(BaseDecoder):  # type: ignore[misc] # pythae has no types
    """A linear layer and four transposed convolutions to a sigmoid."""

    def __init__(self) -> None:
        super().__init__()
        width = RECIPE["width"]
        grid = (8 * width, SIZE // 8, SIZE // 8)
        layers: list[nn.Module] = [
            nn.Linear(RECIPE["latent_size"], 8 * width * (SIZE // 8) ** 2),
            nn.Unflatten(1, grid),
        ]
        before = 8 * width
        # Padding on both sides and at the end: 8 pixels become 15, 31, 62 and 64.
        for after, padding, extra in ((4 * width, 2, 0), (2 * width, 1, 0), (width, 2, 1)):
            layers += [
                nn.ConvTranspose2d(before, after, 5, 2, padding, extra),
                nn.BatchNorm2d(after),
                nn.ReLU(),
            ]
            before = after
        self.layers = nn.Sequential(*layers, nn.ConvTranspose2d(before, 1, 5, 1, 1), nn.Sigmoid())

    def forward(self, latents: Tensor) -> ModelOutput:
        """Return what pythae expects of a decoder."""
        return ModelOutput(reconstruction=self.layers(latents))


def train(bench: Bench) -> Trained:
    """Train whole epochs until the seconds are over, and fit the mixture.

    Raises
    ------
    DataError
        If the slices have another size, or none of them is as bright as can be.
    """
    if bench.store.size != SIZE:
        raise DataError(
            f"slices of {bench.store.size} pixels do not suit pythae's benchmark networks: "
            f"expected {SIZE}. Leave 'pythae_vae' out."
        )
    logging.disable(logging.INFO)  # its loggers set their own level
    torch.manual_seed(bench.seed)
    start = bench.budget.now()
    images, held = (_images(bench, split) for split in (TRAIN, VALIDATION))
    if images.max() < 1:
        raise DataError(
            f"the brightest training pixel is {float(images.max()):.2f}: pythae's mixture sampler "
            "expected 1. Leave 'pythae_vae' out."
        )
    config = VAEConfig(input_dim=(1, SIZE, SIZE), latent_dim=RECIPE["latent_size"])
    with tempfile.TemporaryDirectory() as folder:
        trainer = _trainer(bench, VAE(config, Encoder(), Decoder()), images, held, folder)
        model, epochs = _train(bench, trainer, start)
    model = model.eval()
    mixture = GaussianMixtureSamplerConfig(n_components=RECIPE["components"])
    sampler = GaussianMixtureSampler(model, mixture)
    sampler.fit(images)
    seconds = bench.budget.now() - start
    return Trained(
        seconds,
        epochs * len(images),
        sum(parameter.numel() for parameter in model.parameters()),
        {"": _draw(bench, sampler)},
        {"epochs": epochs},
    )


def _images(bench: Bench, split: str) -> Tensor:
    return from_integers(bench.store.read(bench.store.positions(split)))[:, None]


def _trainer(bench: Bench, model: VAE, images: Tensor, held: Tensor, folder: str) -> BaseTrainer:
    config = BaseTrainerConfig(
        output_dir=folder,
        per_device_train_batch_size=RECIPE["batch_size"],
        per_device_eval_batch_size=RECIPE["batch_size"],
        learning_rate=RECIPE["learning_rate"],
        seed=bench.seed,
        no_cuda=bench.runtime.device.type != "cuda",
    )
    learned, judged = (BaseDataset(data, torch.zeros(len(data))) for data in (images, held))
    trainer = BaseTrainer(model, learned, judged, config)
    trainer.amp_context = bench.runtime.autocast()
    trainer.prepare_training()
    trainer.callback_handler.callbacks.clear()  # the bars of its progress
    return trainer


def _train(bench: Bench, trainer: BaseTrainer, start: float) -> tuple[VAE, int]:
    epoch, least, longest, best = 0, float("inf"), 0.0, trainer.model
    begun = bench.budget.now()
    while not epoch or begun + longest <= start + bench.budget.seconds:
        epoch += 1
        trainer.train_step(epoch)
        loss = float(trainer.eval_step(epoch))
        if loss < least:
            least, best = loss, copy.deepcopy(trainer.model)
        longest = max(longest, bench.budget.now() - begun)
        begun = bench.budget.now()
    return best, epoch


def _draw(bench: Bench, sampler: GaussianMixtureSampler) -> Draw:
    def draw(count: int) -> npt.NDArray[np.uint8]:
        # One that goes on from batch to batch, of the only kind that scikit-learn takes.
        sampler.gmm.random_state = np.random.RandomState(bench.seed)
        return to_uint8(sampler.sample(count, batch_size=64))

    return draw
