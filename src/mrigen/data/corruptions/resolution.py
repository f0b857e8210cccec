"""Lost sharpness: lowered resolution and Gaussian blur."""

from typing import Literal

import numpy as np
import torch
import torch.nn.functional as functional
from pydantic import Field, field_validator
from torch import Tensor

from mrigen.config import Config
from mrigen.data.corruptions.step import (
    Damage,
    LengthRange,
    Parameters,
    Probability,
    per_image,
)

_REACH = 3  # standard deviations after which a kernel is cut


class LowerResolution(Config):
    """Resolution lowered by a whole factor and brought back.

    Notes
    -----
    Lorente halves the resolution of every input; how he interpolates is not told. Here blocks are
    averaged on the way down, as a scanner's larger voxels would, and the way back is bilinear.
    """

    name: Literal["lower_resolution"]
    probability: Probability = 1.0
    factor: int = Field(2, ge=2, le=8, description="2 halves the resolution")

    def draw(self, rng: np.random.Generator, shape: tuple[int, int]) -> tuple[float, ...]:  # noqa: ARG002 - nothing is random
        """Draw nothing."""
        return ()

    def apply(self, images: Tensor, parameters: Parameters, strength: float) -> Damage:  # noqa: ARG002 - as above
        """Lower the resolution; less `strength` mixes the sharp image in."""
        height, width = images.shape[-2:]
        margin = (0, -width % self.factor, 0, -height % self.factor)
        padded = functional.pad(images, margin, mode="replicate")
        small = functional.avg_pool2d(padded, self.factor)
        large = functional.interpolate(small, size=padded.shape[-2:], mode="bilinear")
        return Damage(torch.lerp(images, large[..., :height, :width], strength))


class Blur(Config):
    """A Gaussian filter.

    Notes
    -----
    Arnaiz' is `{sigma: 0.6, kernel: 3, border: zero, probability: 0.1}`.
    """

    name: Literal["blur"]
    probability: Probability = 1.0
    sigma: LengthRange = Field((0.5, 1.5), description="in pixels")
    kernel: int | None = Field(
        None, ge=3, le=63, description="pixels per side, odd; null takes three sigmas to each side"
    )
    border: Literal["edge", "zero"] = Field("edge", description="what lies outside the image")

    @field_validator("kernel")
    @classmethod
    def _odd(cls, kernel: int | None) -> int | None:
        if kernel is not None and kernel % 2 == 0:
            raise ValueError("an odd number, so that the kernel has a middle")
        return kernel

    def draw(self, rng: np.random.Generator, shape: tuple[int, int]) -> tuple[float, ...]:  # noqa: ARG002 - in pixels
        """Draw the standard deviation."""
        return (rng.uniform(*self.sigma),)

    def apply(self, images: Tensor, parameters: Parameters, strength: float) -> Damage:
        """Filter along columns, then rows; the kernel narrows with `strength`."""
        reach = max(1, int(np.ceil(_REACH * self.sigma[1]))) if self.kernel is None else 0
        reach = reach or (self.kernel or 1) // 2
        offsets = np.arange(-reach, reach + 1)
        sigma = np.maximum(parameters[:, :1] * strength, 1e-6)
        weights = np.exp(-(offsets**2) / (2 * sigma**2))
        weights /= weights.sum(axis=1, keepdims=True)
        mode = "replicate" if self.border == "edge" else "constant"
        for axis, margin in ((-2, (0, 0, reach, reach)), (-1, (reach, reach, 0, 0))):
            padded = functional.pad(images, margin, mode=mode)
            size = images.shape[axis]
            blurred = torch.zeros_like(images)
            for place, column in enumerate(weights.T):  # a fixed order of sums, whatever the batch
                blurred += per_image(column, images) * padded.narrow(axis, place, size)
            images = blurred
        return Damage(images)
