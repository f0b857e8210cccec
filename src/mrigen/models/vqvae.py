"""Tablado's vector-quantised autoencoder, and the one with a prior that can generate."""

import math
from itertools import pairwise
from typing import Literal

from pydantic import Field, model_validator
from torch import Tensor, nn

from mrigen.config import Config
from mrigen.models.blocks import (
    KERAS_LEAKY_SLOPE,
    SameConv2d,
    SameConvTranspose2d,
    initialise_as_keras,
    keras_batch_norm,
)
from mrigen.models.code_prior import CodePrior, CodePriorConfig
from mrigen.models.image_checks import require_halvings, require_size
from mrigen.models.interfaces import Conditions
from mrigen.models.quantiser import (
    AveragedCodebook,
    FiniteScalar,
    LearnedCodebook,
    Quantised,
    Quantiser,
)

MAX_CODES = 2**16


class VQVAEConfig(Config):
    """Size of the vector-quantised autoencoder; the defaults are the study's.

    `codebook` says how the vectors of the codes are found: by the loss ("gradient"), as moving
    averages ("ema"), or not at all ("finite_scalar": each of `len(levels)` channels is rounded to
    so many levels, and `latent_size` and `num_codes` have no meaning). `pixel_scale` multiplies
    the images on their way in and divides the sigmoid's answer: Tablado's 255 / 127 leaves
    brighter pixels than 0.498 out of reach. `narrow_output` keeps his hidden layer of one channel
    before the last doubling. `code_prior` adds what generates codes.
    """

    name: Literal["vqvae"]
    base_channels: int = Field(32, ge=1, le=256)
    depth: int = Field(6, ge=1, le=8, description="number of halvings")
    latent_size: int = Field(16, ge=1, le=1024, description="channels of a code's vector")
    num_codes: int = Field(128, ge=2, le=MAX_CODES)
    codebook: Literal["gradient", "ema", "finite_scalar"] = "gradient"
    levels: tuple[int, ...] | None = Field(None, min_length=1, max_length=16)
    pixel_scale: float = Field(1.0, ge=1, le=10)
    narrow_output: bool = True
    code_prior: CodePriorConfig | None = None

    @model_validator(mode="after")
    def _levels_belong_to_finite_scalar(self) -> "VQVAEConfig":
        if (self.levels is not None) != (self.codebook == "finite_scalar"):
            raise ValueError("'levels' with 'codebook: finite_scalar', and with no other codebook")
        if self.levels and min(self.levels) < 3:
            raise ValueError(f"'levels' of 3 or more each, not {min(self.levels)}")
        if self.levels and math.prod(self.levels) > MAX_CODES:
            codes = math.prod(self.levels)
            raise ValueError(f"'levels' that make {MAX_CODES} codes at most, not {codes}")
        return self

    @property
    def channels(self) -> list[int]:
        """Channels after each halving."""
        return [self.base_channels * (1 if level < 2 else 2) for level in range(self.depth)]

    @property
    def code_channels(self) -> int:
        """Channels of a code's vector."""
        return len(self.levels) if self.levels else self.latent_size

    @property
    def code_count(self) -> int:
        """Number of different codes."""
        return math.prod(self.levels) if self.levels else self.num_codes


class VQVAE(nn.Module):
    """Strided convolutions to a grid of codes, transposed ones back.

    Parameters
    ----------
    config
        Sizes; its prior is not looked at.
    image_size
        Height and width of the images, a multiple of `2 ** config.depth`.

    Raises
    ------
    ModelError
        If the image cannot be halved `depth` times.

    Notes
    -----
    The decoder mirrors the encoder but for the layer before the last, which the study narrows to
    one channel. At 128 x 128 with the defaults the encoder has 248,912 values, the decoder
    181,878 and the codebook 2,048, as in the study.

    References
    ----------
    van den Oord et al. 2017, doi:10.48550/arXiv.1711.00937
    """

    def __init__(self, config: VQVAEConfig, image_size: int) -> None:
        super().__init__()
        require_halvings(config.name, config.depth, image_size, image_size)
        self.image_size = image_size
        self.pixel_scale = config.pixel_scale
        self.grid_size = image_size // 2**config.depth
        self.num_codes = config.code_count
        self.encoder = _encoder(config)
        self.quantiser = _quantiser(config)
        self.decoder = _decoder(config)
        initialise_as_keras(self)

    def encode(self, images: Tensor) -> Quantised:
        """Return the codes of (N, 1, H, W) images in [0, 1], with the vectors around them.

        Raises
        ------
        ModelError
            If the images are not of the size the network was built for.
        """
        require_size("vqvae", images, self.image_size)
        quantised: Quantised = self.quantiser(self.encoder(images * self.pixel_scale))
        return quantised

    def decode(self, vectors: Tensor) -> Tensor:
        """Turn (N, C, h, w) vectors into (N, 1, H, W) images in [0, 1 / pixel_scale]."""
        images: Tensor = self.decoder(vectors)
        return images / self.pixel_scale

    def forward(self, images: Tensor) -> tuple[Tensor, Quantised]:
        """Return reconstructions, and what the quantiser made of the images."""
        quantised = self.encode(images)
        return self.decode(quantised.straight), quantised

    def reconstruct(self, images: Tensor) -> Tensor:
        """Reproduce images through their codes."""
        return self.decode_codes(self.encode_codes(images))

    def encode_codes(self, images: Tensor) -> Tensor:
        """Return the (N, h, w) int64 codes of (N, 1, H, W) images in [0, 1]."""
        return self.encode(images).codes

    def decode_codes(self, codes: Tensor) -> Tensor:
        """Turn (N, h, w) codes into (N, 1, H, W) images in [0, 1]."""
        return self.decode(self.quantiser.look_up(codes))


class GenerativeVQVAE(nn.Module):
    """A vector-quantised autoencoder and a prior over its grids of codes.

    Parameters
    ----------
    config
        Sizes of both.
    image_size
        Height and width of the images, a multiple of `2 ** config.depth`.
    prior
        Sizes of the prior.

    Raises
    ------
    ModelError
        If the image cannot be halved `depth` times, or the grid is too large for a prior.
    """

    def __init__(self, config: VQVAEConfig, image_size: int, prior: CodePriorConfig) -> None:
        super().__init__()
        self.autoencoder = VQVAE(config, image_size)
        length = self.autoencoder.grid_size**2
        self.code_prior = CodePrior(prior, num_codes=config.code_count, length=length)

    @property
    def noise_shape(self) -> tuple[int, ...]:
        """One number for each place of the grid."""
        return (self.code_prior.length,)

    def reconstruct(self, images: Tensor) -> Tensor:
        """Reproduce images through their codes."""
        return self.autoencoder.reconstruct(images)

    def encode_codes(self, images: Tensor) -> Tensor:
        """Return the (N, h, w) int64 codes of (N, 1, H, W) images in [0, 1]."""
        return self.autoencoder.encode_codes(images)

    def decode_codes(self, codes: Tensor) -> Tensor:
        """Turn (N, h, w) codes into (N, 1, H, W) images in [0, 1]."""
        return self.autoencoder.decode_codes(codes)

    def sample(self, noise: Tensor, conditions: Conditions | None = None) -> Tensor:  # noqa: ARG002
        """Draw codes from the prior, one number of the noise each, and decode them."""
        side = self.autoencoder.grid_size
        return self.decode_codes(self.code_prior.draw(noise).view(-1, side, side))


def build_vqvae(config: VQVAEConfig, image_size: int) -> VQVAE | GenerativeVQVAE:
    """Make the network with a prior, which samples, or without one, which only reproduces."""
    if config.code_prior is None:
        return VQVAE(config, image_size)
    return GenerativeVQVAE(config, image_size, config.code_prior)


def _quantiser(config: VQVAEConfig) -> Quantiser:
    if config.levels is not None:
        return FiniteScalar(list(config.levels))
    if config.codebook == "ema":
        return AveragedCodebook(config.num_codes, config.latent_size)
    return LearnedCodebook(config.num_codes, config.latent_size)


def _encoder(config: VQVAEConfig) -> nn.Sequential:
    layers: list[nn.Module] = []
    for channels, width in pairwise([1, *config.channels]):
        layers += [SameConv2d(channels, width, 4, stride=2), *_normed_and_bent(width)]
    layers.append(SameConv2d(config.channels[-1], config.code_channels, 1))
    return nn.Sequential(*layers)


def _decoder(config: VQVAEConfig) -> nn.Sequential:
    widths = config.channels[-2::-1]
    if widths and config.narrow_output:
        widths[-1] = 1
    layers: list[nn.Module] = []
    for channels, width in pairwise([config.code_channels, *widths]):
        layers += [SameConvTranspose2d(channels, width, 4, stride=2), *_normed_and_bent(width)]
    last = [config.code_channels, *widths][-1]
    return nn.Sequential(*layers, SameConvTranspose2d(last, 1, 4, stride=2), nn.Sigmoid())


def _normed_and_bent(width: int) -> list[nn.Module]:
    return [keras_batch_norm(width), nn.LeakyReLU(KERAS_LEAKY_SLOPE)]
