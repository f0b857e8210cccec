"""What every step of damage is: a configuration that draws numbers and applies them."""

from collections.abc import Sequence
from typing import Annotated, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt
import torch
from pydantic import AfterValidator, BeforeValidator, Field
from torch import Tensor

Probability = Annotated[float, Field(ge=0, le=1, description="share of the items it is done to")]
Parameters = npt.NDArray[np.float64]


def as_pair(value: object) -> object:
    """Return a range as it is, and a single value as a range of one."""
    return value if isinstance(value, list | tuple) else (value, value)


def _ascending(pair: tuple[float, float]) -> tuple[float, float]:
    if pair[0] > pair[1]:
        raise ValueError("[lowest, highest], in this order")
    return pair


# A range is [lowest, highest], from which every item draws; a single number is a range of one.
_PAIR = (BeforeValidator(as_pair), AfterValidator(_ascending))
_Share = Annotated[float, Field(ge=0, le=1)]
_ShareBelowOne = Annotated[float, Field(ge=0, lt=1)]
_Length = Annotated[float, Field(ge=0, le=64)]
ShareRange = Annotated[tuple[_Share, _Share], *_PAIR]
ShareBelowOneRange = Annotated[tuple[_ShareBelowOne, _ShareBelowOne], *_PAIR]
LengthRange = Annotated[tuple[_Length, _Length], *_PAIR]


class Damage(NamedTuple):
    """What a step makes of a batch.

    Attributes
    ----------
    images : (N, 1, H, W) float32
        They may leave [0, 1] between two steps.
    patch : (N, 1, H, W) bool or None
        Rectangles of what a step has put in; None where it does nothing local.
    """

    images: Tensor
    patch: Tensor | None = None


class Step(Protocol):
    """One kind of damage. Random numbers are drawn per item, arithmetic is done per batch.

    What becomes of an item depends on its own pixels and numbers alone, to the last bit on a CPU,
    and not on the batch it is in: sums run in a fixed order, and random pixels are functions of
    (seed, pixel).
    """

    @property
    def probability(self) -> float:
        """Share of the items that the step is done to."""
        ...

    def draw(self, rng: np.random.Generator, shape: tuple[int, int]) -> Sequence[float]:
        """Draw the numbers of one image of `shape`, always as many."""
        ...

    def apply(self, images: Tensor, parameters: Parameters, strength: float) -> Damage:
        """Damage a batch on its own device.

        Parameters
        ----------
        images : (N, 1, H, W) float32
            Left as they are.
        parameters : (N, P) float64
            What `draw` gave for each.
        strength
            Above 0 and up to 1: how much of the drawn damage is done.
        """
        ...


def per_image(column: npt.NDArray[np.float64], images: Tensor) -> Tensor:
    """Bring one number per image to the images' device, as (N, 1, 1, 1) float32."""
    return to_device(column, images).view(-1, 1, 1, 1)


def to_device(values: npt.NDArray[np.float64] | npt.NDArray[np.bool_], images: Tensor) -> Tensor:
    """Bring an array of any shape to the images' device, numbers as float32."""
    narrow = values if values.dtype == bool else values.astype(np.float32)
    return torch.from_numpy(np.ascontiguousarray(narrow)).to(images.device, non_blocking=True)
