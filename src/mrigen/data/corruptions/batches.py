"""Damage to a batch: what is random is drawn per item, the rest is done on the device."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from mrigen.data.corruptions.recipe import OneOf, Recipe, Repeat, StepConfig
from mrigen.data.corruptions.step import Damage, Parameters, Step
from mrigen.seeds import rng

# A CPU works on so many pixels at once. Larger arrays leave its cache, and their memory goes back
# to the system after every operation.
_PIXELS = 2**16


class Item(NamedTuple):
    """A slice as a pass over the data meets it: what decides everything random."""

    seed: int
    split: str
    epoch: int
    row: int


class Drawn(NamedTuple):
    """What a batch gets of one step.

    Attributes
    ----------
    step
    places : (K,) int64
        The items of the batch that it is done to, ascending.
    parameters : (K, P) float64
    """

    step: Step
    places: npt.NDArray[np.int64]
    parameters: Parameters


class Corrupted(NamedTuple):
    """Damaged images and where patches lie in them.

    Attributes
    ----------
    images : (N, 1, H, W) float32 in [0, 1]
    patch : (N, 1, H, W) bool
        The rectangles of line patches and blank squares.
    """

    images: Tensor
    patch: Tensor


def draw(recipe: Recipe, items: Sequence[Item], shape: tuple[int, int]) -> tuple[Drawn, ...]:
    """Draw everything random for a batch of images of `shape`.

    An item's numbers are those of the stream `rng(seed, split, epoch, row)`, whatever else is in
    the batch. Steps that nothing is done with are left out.
    """
    steps = list(_leaves(recipe))
    # One entry per item, with one row or None per step.
    drawn = [list(_rows(recipe, _Course(item, shape, rng(*item)))) for item in items]
    answer = []
    for number, step in enumerate(steps):
        places = [place for place, rows in enumerate(drawn) if rows[number] is not None]
        if places:
            parameters = np.array([drawn[place][number] for place in places], np.float64)
            answer.append(Drawn(step, np.array(places), parameters))
    return tuple(answer)


@torch.no_grad()
def corrupt(images: Tensor, drawn: Sequence[Drawn], *, strength: float = 1.0) -> Corrupted:
    """Damage a batch on its own device.

    Parameters
    ----------
    images : (N, 1, H, W) float32 in [0, 1]
        Left as they are.
    drawn
        What `draw` gave for them.
    strength
        In [0, 1]: 0 gives the images back bit by bit, without patches; 1 does all that was drawn.

    Returns
    -------
    Corrupted
        The images are cut to [0, 1] after the last step. On a CPU each depends on its own pixels
        and numbers alone, to the last bit.
    """
    patch = torch.zeros_like(images, dtype=torch.bool)
    if not strength or not drawn:
        return Corrupted(images, patch)
    for step, places, parameters in drawn:
        if len(places) == len(images):
            images, marked = _apply(step, images, parameters, strength)
            patch = patch if marked is None else patch | marked
            continue
        index = torch.from_numpy(places).to(images.device)
        damaged, marked = _apply(step, images[index], parameters, strength)
        images = images.index_copy(0, index, damaged)
        if marked is not None:
            patch = patch.index_copy(0, index, patch[index] | marked)
    return Corrupted(images.clamp(0, 1), patch)


def _apply(step: Step, images: Tensor, parameters: Parameters, strength: float) -> Damage:
    count = max(1, _PIXELS // images[0].numel())
    if images.device.type != "cpu" or len(images) <= count:
        return step.apply(images, parameters, strength)
    parts = [
        step.apply(images[first : first + count], parameters[first : first + count], strength)
        for first in range(0, len(images), count)
    ]
    patches = [part.patch for part in parts if part.patch is not None]
    return Damage(
        torch.cat([part.images for part in parts]), torch.cat(patches) if patches else None
    )


def _leaves(steps: Sequence[StepConfig]) -> Iterator[Step]:
    for step in steps:
        if isinstance(step, OneOf):
            for branch in step.steps:
                yield from _leaves(branch)
        elif isinstance(step, Repeat):
            yield from _leaves(step.steps)
        else:
            yield step


class _Course(NamedTuple):
    """One item on its way through the steps; `place` tells the streams of `repeat` apart."""

    item: Item
    shape: tuple[int, int]
    stream: np.random.Generator
    place: tuple[int, ...] = ()
    alive: bool = True


def _rows(steps: Sequence[StepConfig], course: _Course) -> Iterator[Sequence[float] | None]:
    # In the order of `_leaves`; None for what is not done to this item.
    item, shape, stream = course.item, course.shape, course.stream
    for number, step in enumerate(steps):
        active = course.alive and stream.random() < step.probability
        place = (*course.place, number)
        if isinstance(step, OneOf):
            chosen = _branch(step, item, stream) if active else None
            for turn, branch in enumerate(step.steps):
                inside = course._replace(place=(*place, turn), alive=turn == chosen)
                yield from _rows(branch, inside)
        elif isinstance(step, Repeat):
            again = item._replace(epoch=item.epoch % step.passes)
            fresh = rng(*again, "repeat", *place)
            yield from _rows(step.steps, _Course(again, shape, fresh, place, active))
        else:
            yield step.draw(stream, shape) if active else None


def _branch(step: OneOf, item: Item, stream: np.random.Generator) -> int:
    if step.choose == "in_turn":
        return (item.row + item.epoch) % len(step.steps)
    return int(stream.integers(len(step.steps)))
