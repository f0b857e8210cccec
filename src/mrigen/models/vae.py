"""Tablado's convolutional variational autoencoder."""

from itertools import pairwise
from typing import Literal, NamedTuple

import torch
from pydantic import Field
from torch import Tensor, nn

from mrigen.config import Config
from mrigen.errors import ModelError
from mrigen.models.blocks import (
    KERAS_LEAKY_SLOPE,
    SameConv2d,
    SameConvTranspose2d,
    initialise_as_keras,
    keras_batch_norm,
)
from mrigen.models.interfaces import Conditions

# 16, 32, 64, 256, 1024 channels in the study; a sixth level would keep the last width.
_WIDTHS = (1, 2, 4, 16, 64, 64)


class VAEConfig(Config):
    """Size of the variational autoencoder; the defaults are the study's."""

    name: Literal["vae"]
    latent_size: int = Field(1024, ge=1, le=4096)
    base_channels: int = Field(16, ge=1, le=256)
    depth: int = Field(5, ge=1, le=len(_WIDTHS), description="number of halvings")

    @property
    def channels(self) -> list[int]:
        """Channels after each halving."""
        return [self.base_channels * width for width in _WIDTHS[: self.depth]]


class Posterior(NamedTuple):
    """Diagonal normal over the latent: two (N, latent_size) tensors."""

    mean: Tensor
    log_variance: Tensor

    def draw(self) -> Tensor:
        """Draw one latent per image from torch's default generator."""
        return self.mean + torch.exp(0.5 * self.log_variance) * torch.randn_like(self.mean)


class VAE(nn.Module):
    """Strided convolutions to a normal posterior, transposed ones back.

    Parameters
    ----------
    config
        Sizes.
    image_size
        Height and width of the images, a multiple of `2 ** config.depth`.

    Raises
    ------
    ModelError
        If the image cannot be halved `depth` times.

    Notes
    -----
    The study feeds pixels in [0, 2.008] to a decoder that ends in a sigmoid; here both sides are
    in [0, 1]. At 128 x 128 with the defaults the encoder has 38,061,104 and the decoder
    21,293,105 values, as in the study.
    """

    def __init__(self, config: VAEConfig, image_size: int) -> None:
        super().__init__()
        if image_size % 2**config.depth:
            raise ModelError(
                f"a 'vae' with depth {config.depth} cannot take images of {image_size} x "
                f"{image_size} pixels: expected a multiple of {2**config.depth}. "
                "Lower 'depth' or change the dataset's 'size'."
            )
        self.image_size = image_size
        self.latent_size = config.latent_size
        self.encoder = Encoder(config, image_size)
        self.decoder = Decoder(config, image_size)
        initialise_as_keras(self)

    @property
    def noise_shape(self) -> tuple[int, ...]:
        """One latent vector."""
        return (self.latent_size,)

    def encode(self, images: Tensor) -> Posterior:
        """Return the posterior over the latents of (N, 1, H, W) images in [0, 1].

        Raises
        ------
        ModelError
            If the images are not of the size the network was built for.
        """
        if images.shape[1:] != (1, self.image_size, self.image_size):
            raise ModelError(
                f"this 'vae' takes images of shape (N, 1, {self.image_size}, {self.image_size}), "
                f"not {tuple(images.shape)}: resize them or train a 'vae' at that size."
            )
        posterior: Posterior = self.encoder(images)
        return posterior

    def decode(self, latents: Tensor) -> Tensor:
        """Turn (N, latent_size) latents into (N, 1, H, W) images in [0, 1]."""
        images: Tensor = self.decoder(latents)
        return images

    def forward(self, images: Tensor) -> tuple[Tensor, Posterior]:
        """Return reconstructions through one posterior draw, and the posterior."""
        posterior = self.encode(images)
        return self.decode(posterior.draw()), posterior

    def reconstruct(self, images: Tensor) -> Tensor:
        """Reproduce images through the posterior mean."""
        return self.decode(self.encode(images).mean)

    def sample(self, noise: Tensor, conditions: Conditions | None = None) -> Tensor:  # noqa: ARG002
        """Decode noise from the prior, a standard normal."""
        return self.decode(noise)


class Encoder(nn.Module):
    """4 x 4 convolutions with stride 2, then mean and log-variance."""

    def __init__(self, config: VAEConfig, image_size: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        channels = 1
        for width in config.channels:
            layers += [
                SameConv2d(channels, width, 4, stride=2),
                keras_batch_norm(width),
                nn.LeakyReLU(KERAS_LEAKY_SLOPE),
            ]
            channels = width
        self.convolutions = nn.Sequential(*layers)
        features = channels * (image_size // 2**config.depth) ** 2
        self.mean = nn.Linear(features, config.latent_size)
        self.log_variance = nn.Linear(features, config.latent_size)

    def forward(self, images: Tensor) -> Posterior:
        """Map (N, 1, H, W) to the posterior."""
        features = self.convolutions(images).flatten(1)
        return Posterior(self.mean(features), self.log_variance(features))


class Decoder(nn.Module):
    """A linear layer, then transposed 4 x 4 convolutions up to a sigmoid."""

    def __init__(self, config: VAEConfig, image_size: int) -> None:
        super().__init__()
        widths = config.channels[::-1]
        self.grid = image_size // 2**config.depth
        self.start = nn.Linear(config.latent_size, widths[0] * self.grid**2)
        layers: list[nn.Module] = []
        for wide, narrow in pairwise(widths):
            layers += [
                SameConvTranspose2d(wide, narrow, 4, stride=2),
                keras_batch_norm(narrow),
                nn.LeakyReLU(KERAS_LEAKY_SLOPE),
            ]
        layers += [SameConvTranspose2d(widths[-1], 1, 4, stride=2), nn.Sigmoid()]
        self.convolutions = nn.Sequential(*layers)

    def forward(self, latents: Tensor) -> Tensor:
        """Map (N, latent_size) to (N, 1, H, W)."""
        features = self.start(latents).unflatten(1, (-1, self.grid, self.grid))
        images: Tensor = self.convolutions(features)
        return images
