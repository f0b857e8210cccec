"""Differentiable augmentation of what the discriminator sees, real and generated alike."""

from collections.abc import Callable, Sequence
from typing import Literal

import torch
from torch import Tensor
from torch.nn.functional import pad

DiffAugmentName = Literal["brightness", "contrast", "translation", "cutout"]


def diff_augment(images: Tensor, names: Sequence[DiffAugmentName]) -> Tensor:
    """Move, brighten and blank images at random, each for itself.

    Parameters
    ----------
    images : (N, 1, H, W)
        In [0, 1]; gradients flow back to them.
    names
        What to do, in this order.

    Returns
    -------
    (N, 1, H, W); brightness and contrast may leave [0, 1], since clamping would stop gradients

    Notes
    -----
    Draws come from torch's default generator of the device. The paper's third change of colour,
    saturation, has no meaning in grey. Strengths are the paper's, halved where it counts on
    images in [-1, 1]; what moves in and what is cut out is black, as the air around a head.

    References
    ----------
    Zhao et al. 2020, doi:10.48550/arXiv.2006.10738
    """
    for name in names:
        images = _AUGMENTATIONS[name](images)
    return images


def brightness(images: Tensor, strength: float = 0.25) -> Tensor:
    """Add to each image a number from [-strength, strength]."""
    return images + strength * _symmetric(images)


def contrast(images: Tensor, strength: float = 0.5) -> Tensor:
    """Multiply what differs from each image's mean by 1 - strength to 1 + strength."""
    mean = images.mean(dim=(1, 2, 3), keepdim=True)
    return mean + (images - mean) * (1 + strength * _symmetric(images))


def translation(images: Tensor, strength: float = 0.125) -> Tensor:
    """Shift each image by whole pixels, by at most a share `strength` of its sides."""
    count, _, height, width = images.shape
    most = (round(height * strength), round(width * strength))
    rows = _shifted(count, height, most[0], images.device)[:, None, :, None]
    columns = _shifted(count, width, most[1], images.device)[:, None, None, :]
    padded = pad(images, (most[1], most[1], most[0], most[0]))
    padded = padded.gather(2, rows.expand(-1, images.shape[1], -1, padded.shape[3]))
    return padded.gather(3, columns.expand(-1, images.shape[1], height, -1))


def cutout(images: Tensor, strength: float = 0.5) -> Tensor:
    """Blank a rectangle of a share `strength` of the sides, its centre anywhere in the image."""
    count, _, height, width = images.shape
    rows = _outside(count, height, strength, images.device)[:, None, :, None]
    columns = _outside(count, width, strength, images.device)[:, None, None, :]
    return images * (rows | columns)


_AUGMENTATIONS: dict[DiffAugmentName, Callable[[Tensor], Tensor]] = {
    "brightness": brightness,
    "contrast": contrast,
    "translation": translation,
    "cutout": cutout,
}


def _symmetric(images: Tensor) -> Tensor:
    return 2 * torch.rand(len(images), 1, 1, 1, device=images.device) - 1


def _shifted(count: int, size: int, most: int, device: torch.device) -> Tensor:
    """Return (count, size) places in lines of `size + 2 * most` pixels."""
    shift = torch.randint(0, 2 * most + 1, (count, 1), device=device)
    return shift + torch.arange(size, device=device)


def _outside(count: int, size: int, share: float, device: torch.device) -> Tensor:
    """Return (count, size) truths: which pixels of a line a random stretch leaves alone."""
    length = round(size * share)
    start = torch.randint(0, size + 1, (count, 1), device=device) - length // 2
    places = torch.arange(size, device=device)
    return (places < start) | (places >= start + length)
