"""Where copies are looked for: among features of a network, and among pixels."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional

from mrigen.metrics.memorisation import (
    Labels,
    Nearest,
    nearest_by_group,
    relative_distances,
    without_own,
)

#: Pixels along each side of what is compared: finer detail than this is not looked at.
SIDE = 32

#: Over how many further people the distance to the nearest one is measured.
NEIGHBOURS = 5

Numbers = npt.NDArray[np.float64]


class Found(NamedTuple):
    """What a search among training slices found for each image.

    Attributes
    ----------
    relative : (n,) in [0, 1]
        Distance to the nearest person over that to the next ones: near 0 for a copy.
    distances : (n,)
        To the nearest training slice.
    places : (n,) int64
        Which one it is, counted among those that were searched.
    mirrored : (n,) bool
        Whether it is near when mirrored.
    people : (n, subjects)
        The distance to the nearest slice of each training subject.
    """

    relative: Numbers
    distances: Numbers
    places: npt.NDArray[np.int64]
    mirrored: npt.NDArray[np.bool_]
    people: Numbers


@dataclass(frozen=True)
class Space:
    """Slices as rows of numbers, between which distances mean something.

    Attributes
    ----------
    name, label
        For tables, and for people.
    generated, train, test : (N, F)
        Rows of the images.
    mirrored_train : (N, F)
        The training slices with left and right exchanged; None where that is not looked at.
    """

    name: str
    label: str
    generated: Tensor
    train: Tensor
    test: Tensor
    mirrored_train: Tensor | None = None

    def search(self, queries: Tensor, subjects: Labels, own: Labels | None = None) -> Found:
        """Look for images among the training slices.

        Parameters
        ----------
        queries : (n, F)
        subjects : (N,)
            Whose each training slice is.
        own : (n,)
            Whose the images are, where they are real: their own slices are left out.
        """
        names = np.unique(subjects)
        direct = nearest_by_group(queries, self.train, subjects)
        turned = np.zeros(direct.distances.shape, bool)
        if self.mirrored_train is not None:
            other = nearest_by_group(queries, self.mirrored_train, subjects)
            turned = other.distances < direct.distances
            direct = Nearest(*(np.where(turned, b, a) for a, b in zip(direct, other, strict=True)))
        people = direct.distances
        if own is not None:
            people = without_own(people, names=names, own=own)
        best, rows = people.argmin(1), np.arange(len(people))
        return Found(
            relative_distances(people, neighbours=NEIGHBOURS),
            people[rows, best],
            direct.indices[rows, best],
            turned[rows, best],
            people,
        )


def pixel_rows(images: Tensor) -> Tensor:
    """Return images as rows that shifts, brightness and fine noise change little.

    Each is moved until the centre of its squared intensities is in the middle, made `SIDE` pixels
    wide and high with antialiasing, and scaled to a mean of 0 and a length of 1: the squared
    distance of two rows is 2 - 2 r, of their correlation r.

    Parameters
    ----------
    images : (N, 1, H, W) float32 in [0, 1]

    Returns
    -------
    (N, SIDE * SIDE) float64
        Zeros for an image of one grey value.
    """
    rows = []
    for start in range(0, len(images), 256):
        chunk = images[start : start + 256]
        small = functional.interpolate(
            _centred(chunk.double()), (SIDE, SIDE), mode="bilinear", antialias=True
        ).flatten(1)
        small = small - small.mean(1, keepdim=True)
        length = small.norm(dim=1, keepdim=True)
        # What rounding leaves of one grey value must not be blown up to a picture.
        rows.append(torch.where(length > 1e-6, small / length.clamp(min=1e-6), 0))
    return torch.cat(rows)


def _centred(images: Tensor) -> Tensor:
    # Squares, since the background's noise would draw the centre to the middle of the picture.
    weights = images.square()[:, 0]
    mass = weights.sum((1, 2)).clamp(min=1e-12)
    places = torch.linspace(-1, 1, images.shape[-1], dtype=images.dtype)
    across = (weights.sum(1) * places).sum(1) / mass
    places = torch.linspace(-1, 1, images.shape[-2], dtype=images.dtype)
    down = (weights.sum(2) * places).sum(1) / mass
    moves = torch.eye(2, 3, dtype=images.dtype).repeat(len(images), 1, 1)
    moves[:, 0, 2], moves[:, 1, 2] = across, down
    grid = functional.affine_grid(moves, list(images.shape), align_corners=True)
    return functional.grid_sample(images, grid, align_corners=True)
