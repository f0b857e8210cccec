"""Feliu's three generators and the discriminator they share."""

from typing import Literal

from pydantic import Field
from torch import Tensor, nn

from mrigen.config import Config
from mrigen.errors import ModelError
from mrigen.models.blocks import (
    SameConv2d,
    SameConvTranspose2d,
    initialise_as_keras,
    keras_batch_norm,
)
from mrigen.models.interfaces import Conditions

_LEAKY_SLOPE = 0.01

# By number of layers as the study counts them: the width of the start grid, then width and
# stride of each hidden transposed convolution, in units of `base_channels`.
_GENERATORS: dict[int, tuple[int, tuple[tuple[int, int], ...]]] = {
    4: (1, ()),
    7: (4, ((2, 2), (1, 1))),
    15: (4, ((4, 2), (2, 1), (2, 2), (1, 1))),
}


class FeliuGANConfig(Config):
    """Size of the adversarial pair; the defaults are the study's 7-layer generator."""

    name: Literal["feliu_gan"]
    depth: Literal[4, 7, 15] = Field(7, description="layers of the generator, as the study counts")
    latent_size: int = Field(100, ge=1, le=4096)
    base_channels: int = Field(64, ge=1, le=512)
    discriminator_channels: int = Field(32, ge=1, le=512)


class FeliuGAN(nn.Module):
    """A generator of transposed 5 x 5 convolutions and a discriminator of strided ones.

    Parameters
    ----------
    config
        Sizes.
    image_size
        Height and width of the images: a multiple of 2, 4 or 8 for 4, 7 or 15 layers.

    Raises
    ------
    ModelError
        If the generator cannot reach `image_size` by doubling.

    Notes
    -----
    The networks work in [-1, 1] and convert at their edges. The study's discriminator ends in a
    sigmoid; here it answers logits, and the objective applies the sigmoid once.
    """

    def __init__(self, config: FeliuGANConfig, image_size: int) -> None:
        super().__init__()
        self.latent_size = config.latent_size
        self.generator = Generator(config, image_size)
        self.discriminator = Discriminator(config, image_size)
        initialise_as_keras(self)

    @property
    def noise_shape(self) -> tuple[int, ...]:
        """One latent vector."""
        return (self.latent_size,)

    def sample(self, noise: Tensor, conditions: Conditions | None = None) -> Tensor:  # noqa: ARG002
        """Generate images from standard normal noise."""
        images: Tensor = self.generator(noise)
        return images


class Generator(nn.Module):
    """A linear layer without bias to a small grid, then transposed convolutions to tanh."""

    def __init__(self, config: FeliuGANConfig, image_size: int) -> None:
        super().__init__()
        start, hidden = _GENERATORS[config.depth]
        doublings = 1 + sum(stride == 2 for _, stride in hidden)
        if image_size % 2**doublings:
            raise ModelError(
                f"a 'feliu_gan' with depth {config.depth} cannot make images of {image_size} x "
                f"{image_size} pixels: expected a multiple of {2**doublings}. "
                "Change 'depth' or the dataset's 'size'."
            )
        self.grid = image_size // 2**doublings
        channels = start * config.base_channels
        self.start = nn.Linear(config.latent_size, channels * self.grid**2, bias=False)
        layers: list[nn.Module] = [] if hidden else [nn.LeakyReLU(_LEAKY_SLOPE)]
        for multiple, stride in hidden:
            width = multiple * config.base_channels
            layers += [
                SameConvTranspose2d(channels, width, 5, stride=stride),
                keras_batch_norm(width),
                nn.LeakyReLU(_LEAKY_SLOPE),
            ]
            channels = width
        layers += [SameConvTranspose2d(channels, 1, 5, stride=2), nn.Tanh()]
        self.convolutions = nn.Sequential(*layers)

    def forward(self, noise: Tensor) -> Tensor:
        """Map (N, latent_size) noise to (N, 1, H, W) images in [0, 1]."""
        features = self.start(noise).unflatten(1, (-1, self.grid, self.grid))
        images: Tensor = (self.convolutions(features) + 1) / 2
        return images


class Discriminator(nn.Module):
    """Three strided 5 x 5 convolutions and a linear layer to one logit."""

    def __init__(self, config: FeliuGANConfig, image_size: int) -> None:
        super().__init__()
        base = config.discriminator_channels
        self.convolutions = nn.Sequential(
            SameConv2d(1, base, 5, stride=2),
            nn.LeakyReLU(_LEAKY_SLOPE),
            SameConv2d(base, 2 * base, 5, stride=2),
            keras_batch_norm(2 * base),
            nn.LeakyReLU(_LEAKY_SLOPE),
            SameConv2d(2 * base, 4 * base, 5, stride=2),
            keras_batch_norm(4 * base),
            nn.LeakyReLU(_LEAKY_SLOPE),
        )
        self.logit = nn.Linear(4 * base * (-(-image_size // 8)) ** 2, 1)

    def forward(self, images: Tensor) -> Tensor:
        """Map (N, 1, H, W) images in [0, 1] to (N,) logits, positive for real."""
        logits: Tensor = self.logit(self.convolutions(images * 2 - 1).flatten(1))
        return logits[:, 0]
