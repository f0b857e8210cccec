"""Show what damage looks like on real slices, before a network is trained to undo it."""

from io import BytesIO
from pathlib import Path
from typing import get_args

from matplotlib.figure import Figure
from pydantic import TypeAdapter
from torch import Tensor

from mrigen.atomic import atomic_file
from mrigen.data.corruptions.recipe import STEPS, Item, Recipe, corrupt, draw
from mrigen.data.loader import Batch, SliceDataset, ordered_batches
from mrigen.data.store import SliceStore
from mrigen.errors import ConfigError
from mrigen.project import Project

_SLICES = 4
_STRENGTHS = (0.0, 0.25, 0.5, 0.75, 1.0)
_TILE, _DPI = 1.4, 110  # inches, and dots in each

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
    with atomic_file(out) as temporary:
        temporary.write_bytes(_sheet(columns))
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
        recipe = TypeAdapter(Recipe).validate_python([{"name": name}])
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


def _sheet(columns: list[Column]) -> bytes:
    count = len(columns[0][1])
    size = (len(columns) * _TILE, count * _TILE + 0.25)
    figure = Figure(figsize=size, dpi=_DPI, layout="constrained")
    figure.get_layout_engine().set(w_pad=0.01, h_pad=0.01, wspace=0.0, hspace=0.0)
    grid = figure.subplots(count, len(columns), squeeze=False)
    for (title, images), panels in zip(columns, grid.T, strict=True):
        panels[0].set_title(title, fontsize=9)
        for axes, image in zip(panels, images[:, 0].numpy(), strict=True):
            axes.imshow(image, cmap="gray", vmin=0, vmax=1, interpolation="nearest")
            axes.set_axis_off()
    buffer = BytesIO()
    # Matplotlib writes its version into the file, which would change the bytes at every update.
    figure.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()
