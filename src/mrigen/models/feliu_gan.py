"""Feliu's three generators and the discriminator they share."""

from typing import Literal

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn.functional import pad
from torch.nn.utils.parametrizations import spectral_norm

from mrigen.config import Config
from mrigen.errors import ModelError
from mrigen.models.blocks import (
    SameConv2d,
    SameConvTranspose2d,
    from_grid,
    initialise_as_keras,
    keras_batch_norm,
    to_grid,
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
    normalisation: Literal["batch", "spectral", "none"] = Field(
        "batch", description="of the discriminator's layers"
    )
    label_size: int = Field(0, ge=0, le=64, description="numbers that tell an augmentation")


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
        self.label_size = config.label_size
        self.generator = Generator(config, image_size)
        self.discriminator = Discriminator(config, image_size)
        initialise_as_keras(self)
        if config.normalisation == "spectral":
            _bound_slopes(self.discriminator)

    @property
    def noise_shape(self) -> tuple[int, ...]:
        """One latent vector."""
        return (self.latent_size,)

    def sample(self, noise: Tensor, conditions: Conditions | None = None) -> Tensor:
        """Generate images from standard normal noise.

        Parameters
        ----------
        noise : (N, latent_size)
        conditions
            With a `label_size`, the label "augmentation" of (N, label_size); zeros, which stand
            for an image as it is, unless given.
        """
        label = None if conditions is None else conditions.get("augmentation")
        images: Tensor = self.generator(noise, label)
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
        self.label_size = config.label_size
        inputs = config.latent_size + config.label_size
        self.start = nn.Linear(inputs, channels * self.grid**2, bias=False)
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

    def forward(self, noise: Tensor, label: Tensor | None = None) -> Tensor:
        """Map (N, latent_size) noise and (N, label_size) labels to (N, 1, H, W) in [0, 1]."""
        label = _checked_label(label, len(noise), self.label_size)
        if label is not None:
            noise = torch.cat([noise, label.to(noise)], dim=1)
        elif self.label_size:
            noise = pad(noise, (0, self.label_size))
        features = to_grid(self.start(noise), self.grid)
        # In float32: bfloat16 would cut bright pixels to 128 levels.
        images: Tensor = (self.convolutions(features).float() + 1) / 2
        return images


class Discriminator(nn.Module):
    """Three strided 5 x 5 convolutions and a linear layer to one logit.

    Notes
    -----
    A label adds the inner product of its learned embedding with the features that the linear
    layer reads (Miyato and Koyama 2018, doi:10.48550/arXiv.1802.05637). They are not averaged
    over the image first, since a label tells where things have moved. Spectral normalisation is
    that of Miyato et al. 2018, doi:10.48550/arXiv.1802.05957, and takes the place of batch
    normalisation.
    """

    def __init__(self, config: FeliuGANConfig, image_size: int) -> None:
        super().__init__()
        base = config.discriminator_channels
        layers: list[nn.Module] = []
        for before, after in ((1, base), (base, 2 * base), (2 * base, 4 * base)):
            layers.append(SameConv2d(before, after, 5, stride=2))
            if config.normalisation == "batch" and before > 1:
                layers.append(keras_batch_norm(after))
            layers.append(nn.LeakyReLU(_LEAKY_SLOPE))
        self.convolutions = nn.Sequential(*layers)
        features = 4 * base * (-(-image_size // 8)) ** 2
        self.logit = nn.Linear(features, 1)
        self.label_size = config.label_size
        if config.label_size:
            self.embedding = nn.Linear(config.label_size, features, bias=False)

    def forward(self, images: Tensor, label: Tensor | None = None) -> Tensor:
        """Map (N, 1, H, W) images in [0, 1] to (N,) logits, positive for real."""
        label = _checked_label(label, len(images), self.label_size)
        features = from_grid(self.convolutions(images * 2 - 1))
        # In float32: losses and slopes are differences of logits, which bfloat16 would blur.
        with torch.autocast(features.device.type, enabled=False):
            features = features.float()
            logits: Tensor = self.logit(features)[:, 0]
            if label is not None:
                logits = logits + (self.embedding(label.float()) * features).sum(1)
        return logits


def _bound_slopes(network: nn.Module) -> None:
    for module in list(network.modules()):
        if isinstance(module, nn.Conv2d | nn.Linear):
            spectral_norm(module)


def _checked_label(label: Tensor | None, count: int, size: int) -> Tensor | None:
    if label is not None and label.shape != (count, size):
        raise ModelError(
            f"a label of augmentation has shape {tuple(label.shape)}: expected ({count}, {size}). "
            "Set the network's 'label_size' to the number of values in a label."
        )
    return label
