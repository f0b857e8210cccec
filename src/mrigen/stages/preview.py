"""Show what damage looks like on real slices, before a network is trained to undo it."""

from pathlib import Path
from typing import get_args

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from mrigen.data.corruptions.batches import Item, corrupt, draw
from mrigen.data.corruptions.recipe import STEPS, Recipe
from mrigen.data.loader import Batch, SliceDataset, ordered_batches
from mrigen.data.store.slice_store import SliceStore
from mrigen.errors import ConfigError
from mrigen.images import UInt8Array, contact_sheet, write_png
from mrigen.project import Project

_SLICES = 4
_STRENGTHS = (0.0, 0.25, 0.5, 0.75, 1.0)
_TILE, _GAP, _TITLE, _LETTERS = 128, 2, 20, 13  # pixels

Column = tuple[str, Tensor]


def preview(
    project: Project,
    dataset: str,
    *,
    out: Path,
    model: str | None = None,
    seed: int = 0,
    split: str = "train",
) -> Path:
    """Draw slices of a dataset, one in a row, with one kind of damage in a column.

    Parameters
    ----------
    project
        The project folder.
    dataset
        A name under `datasets:`; its slices must have been cut.
    out
        A `.png` file.
    model
        A name under `models:`: its own `corruption` is drawn, at five strengths. By default every
        step is drawn with its default values.
    seed
        Decides the damage, as `training.seed` does.
    split
        "train", "validation" or "test".

    Returns
    -------
    Path
        The file.

    Raises
    ------
    ConfigError
        If the file has another ending, a name is not in `params.yaml` or the model learns from
        clean slices.
    DataError
        If there are no slices.
    """
    if out.suffix.lower() != ".png":
        raise ConfigError(f"'{out}' is not a .png file: give the sheet a name that ends in .png.")
    project.dataset_config(dataset)
    recipe = _recipe_of(project, model) if model is not None else None
    store = SliceStore(project.processed(dataset))
    slices = SliceDataset(store, split, corruption=None, seed=seed)
    clean = next(ordered_batches(slices, batch_size=_SLICES, limit=_SLICES))
    items = [Item(seed, split, 0, int(row)) for row in clean.index]
    columns = _every_step(clean, items) if recipe is None else _strengths(recipe, clean, items)
    write_png(out, _sheet(columns))
    return out


def _recipe_of(project: Project, model: str) -> Recipe:
    recipe = project.model_config(model).corruption
    if recipe is None:
        raise ConfigError(
            f"model '{model}' learns from clean slices: expected a model with a 'corruption'. "
            "Name another one, or none to see every kind of damage."
        )
    return recipe


def _every_step(clean: Batch, items: list[Item]) -> list[Column]:
    columns = [("clean", clean.target)]
    for step in STEPS:
        (name,) = get_args(step.model_fields["name"].annotation)
        recipe = (step.model_validate({"name": name}),)
        columns.append((name.replace("_", " "), _damaged(recipe, clean, items)))
    return columns


def _strengths(recipe: Recipe, clean: Batch, items: list[Item]) -> list[Column]:
    return [
        (f"strength {strength:g}", _damaged(recipe, clean, items, strength))
        for strength in _STRENGTHS
    ]


def _damaged(recipe: Recipe, clean: Batch, items: list[Item], strength: float = 1.0) -> Tensor:
    height, width = clean.target.shape[-2:]
    return corrupt(clean.target, draw(recipe, items, (height, width)), strength=strength).images


def _sheet(columns: list[Column]) -> UInt8Array:
    images = torch.stack([images for _, images in columns], dim=1).flatten(0, 1)
    scale = max(1, round(_TILE / images.shape[-1]))  # whole, so that noise stays what it is
    images = images.repeat_interleave(scale, -1).repeat_interleave(scale, -2)
    body = contact_sheet(images, columns=len(columns), gap=_GAP)
    head = Image.new("L", (body.shape[1], _TITLE))
    font = ImageFont.load_default(_LETTERS)
    for place, (title, _) in enumerate(columns):
        middle = place * (images.shape[-1] + _GAP) + images.shape[-1] // 2
        ImageDraw.Draw(head).text((middle, _TITLE // 2), title, 255, font, anchor="mm")
    return np.concatenate([np.asarray(head), body])
