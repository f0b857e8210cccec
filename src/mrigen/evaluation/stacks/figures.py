"""Pictures of pseudo-volumes beside stacks of real heads."""

from collections.abc import Sequence

import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor

from mrigen.evaluation.figures import DPI, TILE, figure_png, show_image
from mrigen.evaluation.stacks.cuts import Picture, PileGeometry, cut_across
from mrigen.images import contact_sheet

_SHOWN = 8  # slices of a stack
_SIDE = 2.6  # inches of a cut

Named = tuple[str, Tensor]


def slices_figure(stacks: Sequence[Named]) -> bytes:
    """Draw slices of stacks at even distances, a stack a line.

    Parameters
    ----------
    stacks
        A name, and (N, 1, H, W) float32 in [0, 1] each.
    """
    columns = min(_SHOWN, max(len(stack) for _, stack in stacks))
    size = (columns * TILE + 0.4, len(stacks) * TILE)
    figure = Figure(figsize=size, dpi=DPI, layout="constrained")
    lines = figure.subplots(len(stacks), 1, squeeze=False)[:, 0]
    for axes, (name, stack) in zip(lines, stacks, strict=True):
        places = np.linspace(0, len(stack) - 1, columns).round().astype(int)
        show_image(axes, contact_sheet(stack[torch.from_numpy(places)], columns=columns))
        axes.set_ylabel(name, fontsize=8)
    return figure_png(figure)


def cuts_figure(stacks: Sequence[Named], geometries: Sequence[PileGeometry]) -> bytes:
    """Draw cuts across stacks, a stack a line.

    Parameters
    ----------
    stacks
        As of `slices_figure`.
    geometries
        One for each, of the same plane.
    """
    planes = geometries[0].others
    cuts = [
        [cut_across(stack, geometry, plane) for plane in planes]
        for (_, stack), geometry in zip(stacks, geometries, strict=True)
    ]
    # Heights of the lines over the width of a cut, with room for a name.
    heights = [max(0.3, *(_height_over_width(cut) for cut in line)) for line in cuts]
    size = (len(planes) * _SIDE + 0.5, sum(heights) * _SIDE + 0.08 * len(cuts) + 0.3)
    figure = Figure(figsize=size, dpi=DPI, layout="constrained")
    grid = figure.subplots(
        len(stacks), len(planes), squeeze=False, gridspec_kw={"height_ratios": heights}
    )
    for line, (name, _), own in zip(grid, stacks, cuts, strict=True):
        for axes, (picture, aspect) in zip(line, own, strict=True):
            show_image(axes, picture * 255)
            axes.set_aspect(aspect)
        line[0].set_ylabel(name, fontsize=7)
    for axes, plane in zip(grid[0], planes, strict=True):
        axes.set_title(plane, fontsize=10)
    return figure_png(figure)


def _height_over_width(cut: tuple[Picture, float]) -> float:
    picture, aspect = cut
    return float(picture.shape[0] * aspect / picture.shape[1])
