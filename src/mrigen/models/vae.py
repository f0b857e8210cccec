"""Tablado's convolutional variational autoencoder."""

import math
from collections.abc import Iterable
from itertools import pairwise
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from mrigen.config import Config
from mrigen.errors import ModelError
from mrigen.models.blocks import (
    KERAS_LEAKY_SLOPE,
    SameConv2d,
    SameConvTranspose2d,
    from_grid,
    initialise_as_keras,
    keras_batch_norm,
    to_grid,
)
from mrigen.models.image_checks import require_halvings, require_size
from mrigen.models.interfaces import Conditions
from mrigen.models.mixture import GaussianMixture, MixtureSampling, PriorSampling, Sampling
from mrigen.models.posterior import Posterior

# 16, 32, 64, 256, 1024 channels in the study; a sixth level would keep the last width.
_WIDTHS = (1, 2, 4, 16, 64, 64)

# A noise of a tenth of the range, until an objective says otherwise.
_START_LOG_VARIANCE = 2 * math.log(0.1)


class VAEConfig(Config):
    """Size of the variational autoencoder; the defaults are the study's."""

    name: Literal["vae"]
    latent_size: int = Field(1024, ge=1, le=4096)
    base_channels: int = Field(16, ge=1, le=256)
    depth: int = Field(5, ge=1, le=len(_WIDTHS), description="number of halvings")
    pixel_scale: float = Field(1.0, ge=1, le=255, description="255 / 127 in the study")
    label_size: int = Field(0, ge=0, le=64, description="numbers that tell of the augmentation")
    sampling: Sampling = PriorSampling()

    @property
    def channels(self) -> list[int]:
        """Channels after each halving."""
        return [self.base_channels * width for width in _WIDTHS[: self.depth]]


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

    Attributes
    ----------
    log_noise_variance : 0-d float32
        A buffer: logarithm of the variance of a pixel in [0, 1] around the decoder's answer, as
        the objective sets or learns it. No answer of the network depends on it; the likelihood
        of an image does.

    Notes
    -----
    At 128 x 128 with the defaults the encoder has 38,061,104 and the decoder 21,293,105 values, as
    in the study.

    The study divided grey levels by 127 rather than 255 and so fed pixels in [0, 2.008] to a
    decoder whose sigmoid answers at most 1. With `pixel_scale` 2.008 images are multiplied by it
    on their way in and the sigmoid's answer is divided by it: everything above grey level 127
    is out of reach, as it was there.

    With `label_size` the decoder is told how an image was augmented, and the latent need not
    carry it; where nothing is told, nothing was done to the image (zeros).
    """

    log_noise_variance: Tensor

    def __init__(self, config: VAEConfig, image_size: int) -> None:
        super().__init__()
        require_halvings(config.name, config.depth, image_size, image_size)
        self.image_size = image_size
        self.latent_size = config.latent_size
        self.label_size = config.label_size
        self.pixel_scale = config.pixel_scale
        self.encoder = Encoder(config, image_size)
        self.decoder = Decoder(config, image_size)
        self.mixture: GaussianMixture | None = None
        if isinstance(config.sampling, MixtureSampling):
            self.mixture = GaussianMixture(config.latent_size, config.sampling.components)
        self.register_buffer("log_noise_variance", torch.tensor(_START_LOG_VARIANCE))
        initialise_as_keras(self)

    @property
    def noise_shape(self) -> tuple[int, ...]:
        """One latent vector; with a mixture, one number before it that picks the component."""
        return (self.latent_size,) if self.mixture is None else self.mixture.noise_shape

    def encode(self, images: Tensor) -> Posterior:
        """Return the posterior over the latents of (N, 1, H, W) images in [0, 1].

        Raises
        ------
        ModelError
            If the images are not of the size the network was built for.
        """
        require_size("vae", images, self.image_size)
        posterior: Posterior = self.encoder(images * self.pixel_scale)
        return posterior

    def decode(self, latents: Tensor, label: Tensor | None = None) -> Tensor:
        """Turn latents into images.

        Parameters
        ----------
        latents : (N, latent_size)
        label : (N, label_size) or None
            How the images are augmented; None, or no `label_size`, is not at all.

        Returns
        -------
        (N, 1, H, W) in [0, 1 / pixel_scale]

        Raises
        ------
        ModelError
            If the label has another shape.
        """
        if self.label_size:
            latents = torch.cat([latents, self._checked(label, latents)], dim=1)
        images: Tensor = self.decoder(latents)
        return images / self.pixel_scale

    def forward(self, images: Tensor, label: Tensor | None = None) -> tuple[Tensor, Posterior]:
        """Return reconstructions through one posterior draw, and the posterior."""
        posterior = self.encode(images)
        return self.decode(posterior.draw(), label), posterior

    def reconstruct(self, images: Tensor) -> Tensor:
        """Reproduce images through the posterior mean."""
        return self.decode(self.encode(images).mean)

    def sample(self, noise: Tensor, conditions: Conditions | None = None) -> Tensor:
        """Decode noise from the prior, a standard normal, or turned into latents by the mixture.

        `conditions` may hold "augmentation", (N, label_size).
        """
        latents = noise if self.mixture is None else self.mixture(noise)
        return self.decode(latents, (conditions or {}).get("augmentation"))

    @torch.no_grad()
    def fit_sampler(self, images: Iterable[Tensor]) -> None:
        """Fit the mixture to the posteriors of training images; with the prior, do nothing."""
        if self.mixture is None:
            return
        posteriors = [self.encode(batch) for batch in images]
        self.mixture.fit(
            torch.cat([each.mean.float().cpu() for each in posteriors]),
            torch.cat([each.log_variance.float().cpu() for each in posteriors]),
        )

    def _checked(self, label: Tensor | None, latents: Tensor) -> Tensor:
        shape = (len(latents), self.label_size)
        if label is None:
            return latents.new_zeros(shape)
        if label.shape != shape:
            raise ModelError(
                f"the augmentation labels have shape {tuple(label.shape)}: this 'vae' expects "
                f"{shape}. Give 'label_size' the length of the label."
            )
        return label.to(latents)


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
        features = from_grid(self.convolutions(images))
        return Posterior(self.mean(features), self.log_variance(features))


class Decoder(nn.Module):
    """A linear layer, then transposed 4 x 4 convolutions up to a sigmoid."""

    def __init__(self, config: VAEConfig, image_size: int) -> None:
        super().__init__()
        widths = config.channels[::-1]
        self.grid = image_size // 2**config.depth
        self.start = nn.Linear(config.latent_size + config.label_size, widths[0] * self.grid**2)
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
        """Map (N, latent_size + label_size) to (N, 1, H, W)."""
        features = to_grid(self.start(latents), self.grid)
        images: Tensor = self.convolutions(features)
        return images
