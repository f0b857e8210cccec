"""Recipes and pictures for tests of damage."""

from typing import get_args

import torch
from pydantic import TypeAdapter
from torch import Tensor

from mrigen.data.corruptions.batches import Corrupted, Item, corrupt, draw
from mrigen.data.corruptions.recipe import STEPS, Recipe
from mrigen.seeds import rng

NAMES = [get_args(step.model_fields["name"].annotation)[0] for step in STEPS]
_RECIPE = TypeAdapter(Recipe)


def recipe(*steps: dict) -> Recipe:
    return _RECIPE.validate_python(list(steps))


def items(count: int, *, seed: int = 0, epoch: int = 0, first: int = 0) -> list[Item]:
    return [Item(seed, "train", epoch, first + row) for row in range(count)]


def heads(count: int = 4, height: int = 48, width: int | None = None) -> Tensor:
    """Textured ellipses on black, from 0 to 0.8."""
    width = width or height
    rows, columns = torch.meshgrid(
        torch.linspace(-1, 1, height), torch.linspace(-1, 1, width), indexing="ij"
    )
    images = []
    for number in range(count):
        texture = torch.from_numpy(rng("head", number).random((height, width), dtype="float32"))
        squared = (rows / 0.8) ** 2 + (columns / (0.55 + 0.05 * (number % 4))) ** 2
        images.append((0.3 + 0.4 * (squared < 0.5) + 0.1 * texture) * (squared < 1))
    return torch.stack(images)[:, None]


def damage(
    images: Tensor, *steps: dict, strength: float = 1.0, seed: int = 0, first: int = 0
) -> Corrupted:
    shape = images.shape[-2], images.shape[-1]
    drawn = draw(recipe(*steps), items(len(images), seed=seed, first=first), shape)
    return corrupt(images, drawn, strength=strength)
