"""Slices moved and brightened at random, so that a small cohort shows more than it holds."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from pydantic import Field
from torch import Tensor
from torch.nn import functional

from mrigen.config import Config
from mrigen.data.corruptions.batches import Item
from mrigen.data.corruptions.step import to_device
from mrigen.seeds import rng

# Columns of the label, in this order: 0 for a slice that comes as it is, 1 (or -1) for the most
# that the configuration allows.
LABELS = ("flip", "rotation", "down", "right", "scale", "gamma")
AUGMENTATION_LABELS = len(LABELS)

Labels = npt.NDArray[np.float64]


class AugmentationConfig(Config):
    """How far a training slice may be moved and brightened before anything else is done to it.

    Input and target move together. What is left at 0 is not done.
    """

    flip: float = Field(0.0, ge=0, le=1, description="probability of swapping left and right")
    rotation_degrees: float = Field(0.0, ge=0, le=180, description="largest, either way")
    translation: float = Field(0.0, ge=0, le=0.5, description="largest, as a share of the width")
    scale: float = Field(0.0, ge=0, le=1, description="0.1 shrinks and enlarges up to 1.1 times")
    gamma: float = Field(0.0, ge=0, le=1, description="0.1 takes powers from 1 / 1.1 to 1.1")
    probability: float = Field(1.0, ge=0, le=1, description="share of the slices it is done to")
    labelled: bool = Field(False, description="tell the network what was done")


class Augmentation(NamedTuple):
    """What is done to the slices of a batch.

    Attributes
    ----------
    config
        The most that may be done.
    labels : (N, AUGMENTATION_LABELS) float64 in [-1, 1]
        How much of it is done to each.
    """

    config: AugmentationConfig
    labels: Labels


def draw_augmentation(config: AugmentationConfig, items: Sequence[Item]) -> Augmentation:
    """Draw what is done to slices, each from the stream of its own item."""
    return Augmentation(config, np.array([_label(config, item) for item in items]))


@torch.no_grad()
def augment(images: Tensor, augmentation: Augmentation) -> Tensor:
    """Move and brighten a batch on its own device.

    Parameters
    ----------
    images : (N, 1, H, W) float32 in [0, 1]
        Left as they are.
    augmentation
        What `draw_augmentation` gave for them.

    Returns
    -------
    (N, 1, H, W) float32 in [0, 1]
        Swapped, then turned clockwise and scaled about the centre, then shifted, then raised to
        a power. What comes in from outside is background, 0. A slice whose label is zero keeps
        its bits; on a CPU no slice depends on the others of its batch.
    """
    config, labels = augmentation
    moved = (labels[:, 1:5] != 0).any(axis=1)
    for done, change in (
        (labels[:, 0] != 0, _flip),
        (moved, _move),
        (labels[:, 5] != 0, _brighten),
    ):
        places = np.flatnonzero(done)
        if len(places) == len(images):
            images = change(images, config, labels)
        elif len(places):
            index = torch.from_numpy(places).to(images.device)
            images = images.index_copy(0, index, change(images[index], config, labels[places]))
    return images


def _label(config: AugmentationConfig, item: Item) -> Labels:
    limits = (config.rotation_degrees, config.translation, config.translation, config.scale)
    allowed = np.array([*limits, config.gamma]) > 0
    # Always as many numbers, whatever is done.
    chosen, flip, *amounts = rng(*item, "augmentation").random(len(LABELS) + 1)
    if chosen >= config.probability:
        return np.zeros(len(LABELS))
    return np.array([flip < config.flip, *((2 * np.array(amounts) - 1) * allowed)], np.float64)


def _flip(images: Tensor, config: AugmentationConfig, labels: Labels) -> Tensor:  # noqa: ARG001 - as the others
    return images.flip(-1)


def _move(images: Tensor, config: AugmentationConfig, labels: Labels) -> Tensor:
    _, rotation, down, right, scale, _ = labels.T
    height, width = images.shape[-2:]
    angle = np.deg2rad(rotation * config.rotation_degrees)
    size = (1 + config.scale) ** scale
    # In pixels from the centre; the sampling grid counts half image sides.
    y = ((torch.arange(height, device=images.device) + 0.5) - height / 2).view(1, -1, 1)
    x = ((torch.arange(width, device=images.device) + 0.5) - width / 2).view(1, 1, -1)
    shift = config.translation * width
    cosine, sine, dy, dx = (
        to_device(values, images).view(-1, 1, 1)
        for values in (np.cos(angle) / size, np.sin(angle) / size, down * shift, right * shift)
    )
    # One product and one sum after the other: a batched matrix product rounds by its batch.
    from_x = (cosine * (x - dx) + sine * (y - dy)) * (2 / width)
    from_y = (cosine * (y - dy) - sine * (x - dx)) * (2 / height)
    grid = torch.stack([from_x, from_y], dim=-1)
    moved = functional.grid_sample(images, grid, mode="bilinear", align_corners=False)
    return moved.clamp(0, 1)


def _brighten(images: Tensor, config: AugmentationConfig, labels: Labels) -> Tensor:
    powers = to_device((1 + config.gamma) ** labels[:, 5], images).view(-1, 1, 1, 1)
    if images.device.type != "cpu":
        return images.pow(powers)
    # Vectorised and plain powers of a CPU differ in the last bit of float32, and which pixel gets
    # which depends on the size of the batch.
    return images.double().pow(powers.double()).to(images.dtype)
