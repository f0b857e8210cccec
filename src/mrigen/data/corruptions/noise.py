"""Noise of every pixel on its own: dropout, Gaussian and Rician noise."""

from typing import Literal

import numpy as np
from pydantic import Field
from torch import Tensor

from mrigen.config import Config
from mrigen.data.corruptions.pixel_noise import (
    SEED_LIMIT,
    normal_pixels,
    random_bits,
    uniform_pixels,
    upper_bits,
)
from mrigen.data.corruptions.step import (
    Damage,
    Parameters,
    Probability,
    ShareBelowOneRange,
    ShareRange,
    per_image,
)


class PixelDropout(Config):
    """Pixels set to 0, each with the same probability.

    Notes
    -----
    The default is Arnaiz', whose `tf.nn.dropout` divides the others by their share.
    """

    name: Literal["pixel_dropout"]
    probability: Probability = 1.0
    rate: ShareBelowOneRange = Field((0.0, 0.04), description="share of the pixels")
    scale_survivors: bool = Field(True, description="divide the other pixels by their share")

    def draw(self, rng: np.random.Generator, shape: tuple[int, int]) -> tuple[float, ...]:  # noqa: ARG002 - a share
        """Draw the rate and the seed of the pixels."""
        return rng.uniform(*self.rate), _seed(rng)

    def apply(self, images: Tensor, parameters: Parameters, strength: float) -> Damage:
        """Drop pixels; those of a weaker damage are among those of a stronger one."""
        rate = per_image(parameters[:, 0] * strength, images)
        survives = uniform_pixels(random_bits(parameters[:, 1], images)) >= rate
        return Damage(images * survives / (1 - rate if self.scale_survivors else 1))


class GaussianNoise(Config):
    """Independent normal noise, added.

    Notes
    -----
    The default is Arnaiz'. Pixels may leave [0, 1] until the last step is done; where the image
    is to be stretched back instead of being cut off, let the step `rescale` follow.
    """

    name: Literal["gaussian_noise"]
    probability: Probability = 1.0
    std: ShareRange = Field((0.0, 0.04), description="standard deviation")

    def draw(self, rng: np.random.Generator, shape: tuple[int, int]) -> tuple[float, ...]:  # noqa: ARG002 - a brightness
        """Draw the standard deviation and the seed of the pixels."""
        return rng.uniform(*self.std), _seed(rng)

    def apply(self, images: Tensor, parameters: Parameters, strength: float) -> Damage:
        """Add noise; its standard deviation grows with `strength`."""
        std = per_image(parameters[:, 0] * strength, images)
        return Damage(images + std * normal_pixels(random_bits(parameters[:, 1], images)))


class RicianNoise(Config):
    """What normal noise in both channels of a receiver does to a magnitude image.

    Notes
    -----
    The default reaches from 1 to 9 % of the brightest value, as the BrainWeb phantoms do.

    References
    ----------
    .. [1] H. Gudbjartsson and S. Patz, "The Rician distribution of noisy MRI data",
       https://doi.org/10.1002/mrm.1910340618
    """

    name: Literal["rician_noise"]
    probability: Probability = 1.0
    std: ShareRange = Field((0.01, 0.09), description="standard deviation of each channel")

    def draw(self, rng: np.random.Generator, shape: tuple[int, int]) -> tuple[float, ...]:  # noqa: ARG002 - a brightness
        """Draw the standard deviation and the seed of the pixels."""
        return rng.uniform(*self.std), _seed(rng)

    def apply(self, images: Tensor, parameters: Parameters, strength: float) -> Damage:
        """Take the magnitude of image and noise; its standard deviation grows with `strength`."""
        std = per_image(parameters[:, 0] * strength, images)
        bits = random_bits(parameters[:, 1], images)
        real = images + std * normal_pixels(bits)
        imaginary = std * normal_pixels(upper_bits(bits))
        return Damage((real.square() + imaginary.square()).sqrt())


def _seed(rng: np.random.Generator) -> float:
    return float(rng.integers(SEED_LIMIT))
