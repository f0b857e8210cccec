"""A white line with a rectangle around it: the object that Lorente's networks paint over."""

from typing import Literal

import numpy as np
import torch
from pydantic import Field
from torch import Tensor

from mrigen.config import Config
from mrigen.data.corruptions.step import Damage, Parameters, Probability, per_image


class LinePatch(Config):
    """A white line of random place, width and opacity, added to the image.

    Notes
    -----
    Lorente adds one line of random end points "around the centre", a thickness of at most an
    eighth of the height and random opacity, capped at the image's maximum, and scores the
    rectangle around it. How far the ends may lie and how faint a line may be are not told:
    `reach` and `min_opacity` are ours.
    """

    name: Literal["line_patch"]
    probability: Probability = 1.0
    reach: float = Field(
        0.25, gt=0, le=0.5, description="how far its ends lie from the centre, in image heights"
    )
    max_thickness: float = Field(0.125, gt=0, le=0.5, description="in image heights")
    min_opacity: float = Field(0.3, gt=0, le=1)

    def draw(self, rng: np.random.Generator, shape: tuple[int, int]) -> tuple[float, ...]:
        """Draw both ends (row, column), the thickness, all in pixels, and the opacity."""
        height, width = shape
        centre = np.array([height - 1, width - 1]) / 2
        ends = centre + rng.uniform(-self.reach, self.reach, (2, 2)) * height
        thickness = rng.uniform(1.0, max(1.0, self.max_thickness * height))
        return *ends.ravel().tolist(), thickness, rng.uniform(self.min_opacity, 1.0)

    def apply(self, images: Tensor, parameters: Parameters, strength: float) -> Damage:
        """Add the lines; their opacity grows with `strength`."""
        line = _lines(images, parameters)
        opacity = per_image(parameters[:, 5] * strength, images)
        peak = images.amax((-2, -1), keepdim=True)
        lit = torch.minimum(images + opacity * peak, peak)
        return Damage(torch.where(line, lit, images), _bounding_rectangles(line))


def _lines(images: Tensor, parameters: Parameters) -> Tensor:
    # Pixels closer to the segment than half its thickness.
    top, left, bottom, right, thickness = (
        per_image(column, images) for column in parameters[:, :5].T
    )
    height, width = images.shape[-2:]
    down = torch.arange(height, device=images.device).view(-1, 1) - top
    across = torch.arange(width, device=images.device) - left
    along_down, along_across = bottom - top, right - left
    length = (along_down * along_down + along_across * along_across).clamp(min=1e-12)
    share = ((down * along_down + across * along_across) / length).clamp(0, 1)
    line: Tensor = (down - share * along_down).square() + (
        across - share * along_across
    ).square() <= (thickness / 2).square()
    # One thinner than a pixel may pass between all pixels: it takes the one nearest to its start.
    nearest = (down.abs() <= down.abs().amin(-2, keepdim=True)) & (
        across.abs() <= across.abs().amin(-1, keepdim=True)
    )
    return line | (nearest & ~line.any(-1, keepdim=True).any(-2, keepdim=True))


def _bounding_rectangles(marked: Tensor) -> Tensor:
    return _between(marked.any(-1, keepdim=True), -2) & _between(marked.any(-2, keepdim=True), -1)


def _between(marked: Tensor, axis: int) -> Tensor:
    # From the first marked place along an axis to the last.
    count = marked.int()
    begun = count.cumsum(axis) > 0
    return begun & (count.flip(axis).cumsum(axis).flip(axis) > 0)
