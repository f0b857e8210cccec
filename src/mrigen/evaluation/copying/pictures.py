"""Pictures of a search for copies: the most suspicious pairs, and all distances."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.figure import Figure
from torch import Tensor

from mrigen.evaluation.copying.spaces import Numbers
from mrigen.evaluation.figures import BLUE, DPI, ORANGE, TILE, figure_png, show_image

_BINS = 40


class Pair(NamedTuple):
    """A generated slice between its nearest real ones; images are (1, H, W) in [0, 1].

    Attributes
    ----------
    copied
        Whether the generated slice counts as a copy; it is marked.
    space
        In which the slices are near.
    mirrored
        Whether the training slice is shown, and near, with left and right exchanged.
    relative
        The relative distance to the training slice.
    train_row, test_row
        Their rows of the manifest.
    train_distance, test_distance
        In the same space.
    """

    generated: Tensor
    train: Tensor
    test: Tensor
    copied: bool
    space: str
    mirrored: bool
    relative: float
    train_row: int
    test_row: int
    train_distance: float
    test_distance: float


def pairs_figure(pairs: Sequence[Pair]) -> bytes:
    """Draw pairs column by column: generated, nearest training slice, nearest test slice."""
    size = (len(pairs) * TILE + 0.5, 3 * (TILE + 0.32))
    figure = Figure(figsize=size, dpi=DPI, layout="constrained")
    grid = figure.subplots(3, len(pairs), squeeze=False)
    for column, pair in zip(grid.T, pairs, strict=True):
        train = pair.train.flip(-1) if pair.mirrored else pair.train
        for axes, image in zip(column, (pair.generated, train, pair.test), strict=True):
            show_image(axes, image[0].numpy() * 255)
        turned = ", mirrored" if pair.mirrored else ""
        mark = "copied: " if pair.copied else ""
        colour = ORANGE if pair.copied else "black"
        text = f"{mark}{pair.space} {pair.relative:.2f}"
        column[0].set_xlabel(text, fontsize=7, labelpad=2, color=colour)
        for axes, row, distance, extra in (
            (column[1], pair.train_row, pair.train_distance, turned),
            (column[2], pair.test_row, pair.test_distance, ""),
        ):
            axes.set_xlabel(f"row {row}{extra}\n{distance:.3g} away", fontsize=7, labelpad=2)
    for axes, label in zip(grid[:, 0], ("generated", "training", "test"), strict=True):
        axes.set_ylabel(label, fontsize=9)
    return figure_png(figure)


def distances_figure(
    labels: Sequence[str], generated: Numbers, control: Numbers, limits: Numbers
) -> bytes:
    """Draw the relative distances of generated slices over those of real ones.

    Parameters
    ----------
    labels
        Of the spaces, one panel each.
    generated, control : (spaces, n), (spaces, m) in [0, 1]
    limits : (spaces,)
        Below which an image counts as copied.
    """
    figure = Figure(figsize=(4.2 * len(labels), 2.9), dpi=DPI, layout="constrained")
    panels = figure.subplots(1, len(labels), squeeze=False)[0]
    edges = np.linspace(0, 1, _BINS + 1)
    for axes, label, made, real, limit in zip(
        panels, labels, generated, control, limits, strict=True
    ):
        for values, name, colour in (
            (real, "real test slices", BLUE),
            (made, "generated slices", ORANGE),
        ):
            shares = np.histogram(values, edges)[0] / len(values)
            axes.stairs(shares, edges, fill=True, alpha=0.35, color=colour)
            axes.stairs(shares, edges, color=colour, label=name)
        axes.axvline(limit, color="black", linestyle="--", linewidth=1, label="copied below")
        axes.set_xlim(0, 1)
        axes.set_title(label, fontsize=10)
        axes.set_xlabel("distance to the nearest training subject / to the next ones", fontsize=8)
        axes.set_ylabel("share", fontsize=9)
        axes.tick_params(labelsize=8)
        axes.legend(fontsize=8, loc="upper left")
    return figure_png(figure)
