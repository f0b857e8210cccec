"""Squares without signal."""

from typing import Annotated, Literal

import numpy as np
import torch
from pydantic import AfterValidator, BeforeValidator, Field
from torch import Tensor

from mrigen.config import Config
from mrigen.data.corruptions.step import Damage, Parameters, Probability, as_pair, per_image

_SIDE = 128  # pixels of the image that lengths are given for


def _ascending(pair: tuple[int, int]) -> tuple[int, int]:
    if pair[0] > pair[1]:
        raise ValueError("[lowest, highest], in this order")
    return pair


_PAIR = (BeforeValidator(as_pair), AfterValidator(_ascending))
_Size = Annotated[int, Field(ge=2, le=_SIDE)]
_Place = Annotated[int, Field(ge=0, lt=_SIDE)]
_Sizes = Annotated[tuple[_Size, _Size], *_PAIR]
_Places = Annotated[tuple[_Place, _Place], *_PAIR]


class BlankSquares(Config):
    """Black squares; lengths are pixels of a 128-pixel image and scale with the real one.

    Notes
    -----
    The default is Arnaiz' (with `probability: 0.2`): sides are whole numbers from 10 to 39 made
    even, `2 * (side // 2)`, and since one number serves as row and column, all squares lie on the
    diagonal. Pixels of the image from `centre - side / 2` on, `side` of them, are blanked.
    """

    name: Literal["blank_squares"]
    probability: Probability = 1.0
    count: int = Field(1, ge=1, le=64)
    size: _Sizes = Field((10, 39), description="side")
    centre: _Places = Field((10, 99), description="row and column of the centre")
    place: Literal["diagonal", "anywhere"] = Field(
        "diagonal", description="one number for row and column, or one each"
    )

    def draw(self, rng: np.random.Generator, shape: tuple[int, int]) -> tuple[float, ...]:
        """Draw the borders of the squares: first and behind the last row, then columns."""
        borders: list[float] = []
        for _ in range(self.count):
            half = int(rng.integers(self.size[0], self.size[1] + 1)) // 2
            row, other = rng.integers(self.centre[0], self.centre[1] + 1, 2)
            column = row if self.place == "diagonal" else other
            for middle, side in zip((int(row), int(column)), shape, strict=True):
                # In a small image the smallest squares would round to nothing, or out of it.
                start = min(round((middle - half) * side / _SIDE), side - 1)
                borders += [start, max(start + 1, round((middle + half) * side / _SIDE))]
        return tuple(borders)

    def apply(self, images: Tensor, parameters: Parameters, strength: float) -> Damage:
        """Darken the squares, to black at full `strength`."""
        height, width = images.shape[-2:]
        rows = torch.arange(height, device=images.device).view(-1, 1)
        columns = torch.arange(width, device=images.device)
        blank = torch.zeros_like(images, dtype=torch.bool)
        for square in parameters.reshape(len(parameters), -1, 4).transpose(1, 2, 0):
            top, bottom, left, right = (per_image(border, images) for border in square)
            blank |= (rows >= top) & (rows < bottom) & (columns >= left) & (columns < right)
        return Damage(torch.where(blank, images * (1 - strength), images), blank)
