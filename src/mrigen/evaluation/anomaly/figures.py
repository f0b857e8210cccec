"""Pictures of what is found: maps beside lesions, and precision against recall."""

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from torch import Tensor

from mrigen.evaluation.anomaly.scores import Scores
from mrigen.evaluation.figures import (
    BLUE,
    DPI,
    GREEN,
    ORANGE,
    PURPLE,
    TILE,
    WHITE_DIFFERENCE,
    figure_png,
    show_image,
)

_COLOURS = {"residual": BLUE, "probability": GREEN, "brightness": ORANGE}


def map_figure(
    images: Tensor, *, lesions: Tensor, answers: Tensor, maps: Mapping[str, Tensor]
) -> bytes:
    """Draw slices column by column: slice, answer, and maps, each with its lesion outlined.

    Parameters
    ----------
    images, answers : (N, 1, H, W) float32 in [0, 1]
    lesions : (N, 1, H, W) bool
    maps
        By the name of their row, each (N, 1, H, W), as errors in grey values: white from
        `WHITE_DIFFERENCE` upwards.
    """
    rows = [("slice", images), ("answer", answers)]
    rows += [(name, values / WHITE_DIFFERENCE) for name, values in maps.items()]
    count = len(images)
    size = (count * TILE + 0.4, len(rows) * (TILE + 0.06))
    figure = Figure(figsize=size, dpi=DPI, layout="constrained")
    grid = figure.subplots(len(rows), count, squeeze=False)
    for number, (line, (label, pictures)) in enumerate(zip(grid, rows, strict=True)):
        line[0].set_ylabel(label, fontsize=9)
        for axes, picture, lesion in zip(line, pictures, lesions, strict=True):
            show_image(axes, picture[0].numpy() * 255)
            # The answer is left bare: whether the lesion is in it is to be seen.
            if number != 1:
                _outline(axes, lesion[0])
    return figure_png(figure)


def curve_figure(sources: Mapping[str, Mapping[str, Scores]]) -> bytes:
    """Draw precision against recall, a panel for each kind of lesions and a line for each method.

    Parameters
    ----------
    sources
        By kind of lesions and by method.
    """
    figure = Figure(figsize=(3.8 * len(sources), 3.1), dpi=DPI, layout="constrained")
    for axes, (source, methods) in zip(
        figure.subplots(1, len(sources), squeeze=False)[0], sources.items(), strict=True
    ):
        for method, scores in methods.items():
            recall, precision = scores.curve
            area = scores.pixels.average_precision.value
            label = f"{method}, {area:.2f}"
            axes.plot(recall, precision, color=_COLOURS.get(method, PURPLE), label=label)
        share = next(iter(methods.values())).pixels.share
        axes.axhline(share, color="grey", linestyle="--", linewidth=1, label=f"chance, {share:.2f}")
        _finish(axes, f"{source} lesions")
    return figure_png(figure)


def _finish(axes: Axes, title: str) -> None:
    axes.set_title(title, fontsize=10)
    axes.set_xlabel("recall", fontsize=9)
    axes.set_ylabel("precision", fontsize=9)
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1.02)
    axes.tick_params(labelsize=8)
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8, title="average precision", title_fontsize=8)


def _outline(axes: Axes, lesion: Tensor) -> None:
    # Along the edges of the pixels, which a contour through their centres would cut.
    mask = np.pad(lesion.numpy(), 1)
    edges = []
    for row, column in np.argwhere(mask[:, 1:] != mask[:, :-1]) - (1, 0):
        edges.append([(column - 0.5, row - 0.5), (column - 0.5, row + 0.5)])
    for row, column in np.argwhere(mask[1:] != mask[:-1]) - (0, 1):
        edges.append([(column - 0.5, row - 0.5), (column + 0.5, row - 0.5)])
    axes.add_collection(LineCollection(edges, colors=ORANGE, linewidths=0.8), autolim=False)
