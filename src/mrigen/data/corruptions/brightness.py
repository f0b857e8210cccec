"""Changed brightness: the bias field of a coil, and stretching to the full range."""

from typing import Literal

import numpy as np
import torch
from pydantic import Field
from torch import Tensor

from mrigen.config import Config
from mrigen.data.corruptions.step import (
    Damage,
    Parameters,
    Probability,
    ShareRange,
    per_image,
)


class BiasField(Config):
    """Brightness that falls off smoothly, as where a receiving coil is less sensitive.

    Notes
    -----
    The field is a random polynomial of both coordinates, stretched to reach from 1 down to
    `1 - loss`, so that no tissue becomes brighter than the range of an image allows.

    References
    ----------
    .. [1] K. Van Leemput et al., "Automated model-based bias field correction of MR images of the
       brain", https://doi.org/10.1109/42.811268
    """

    name: Literal["bias_field"]
    probability: Probability = 1.0
    loss: ShareRange = Field((0.3, 0.7), description="share of brightness lost at the darkest")
    order: int = Field(3, ge=1, le=6, description="of the polynomial")

    def draw(self, rng: np.random.Generator, shape: tuple[int, int]) -> tuple[float, ...]:  # noqa: ARG002 - smooth at any size
        """Draw the loss and the coefficients."""
        return rng.uniform(*self.loss), *rng.standard_normal(len(self._powers)).tolist()

    @property
    def _powers(self) -> list[tuple[int, int]]:
        degrees = range(self.order + 1)
        return [(i, j) for i in degrees for j in degrees if 1 <= i + j <= self.order]

    def apply(self, images: Tensor, parameters: Parameters, strength: float) -> Damage:
        """Multiply by the field; its loss grows with `strength`."""
        y, x = (
            torch.linspace(-1, 1, size, device=images.device, dtype=images.dtype)
            for size in images.shape[-2:]
        )
        field = torch.zeros_like(images)
        for (i, j), column in zip(self._powers, parameters[:, 1:].T, strict=True):
            field += per_image(column, images) * (y**i).view(-1, 1) * x**j
        loss = per_image(parameters[:, 0] * strength, images)
        return Damage(images * (1 - loss * (1 - _stretched(field))))


class Rescale(Config):
    """Every image stretched to reach from 0 to 1; a constant one stays as it is.

    Notes
    -----
    Arnaiz does so last: noise has made the smallest value negative, so air and blanked squares
    become grey, and contrast differs from the clean slice's.
    """

    name: Literal["rescale"]
    probability: Probability = 1.0

    def draw(self, rng: np.random.Generator, shape: tuple[int, int]) -> tuple[float, ...]:  # noqa: ARG002 - nothing is random
        """Draw nothing."""
        return ()

    def apply(self, images: Tensor, parameters: Parameters, strength: float) -> Damage:  # noqa: ARG002 - as above
        """Stretch; less `strength` mixes the image itself in."""
        return Damage(torch.lerp(images, _stretched(images), strength))


def _stretched(images: Tensor) -> Tensor:
    low, high = (function(images, (-2, -1), keepdim=True) for function in (torch.amin, torch.amax))
    width = high - low
    return torch.where(width > 0, (images - low) / width.clamp(min=1e-30), images)
