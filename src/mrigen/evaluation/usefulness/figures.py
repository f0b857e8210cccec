"""Pictures of what classifiers made of real and generated slices."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mrigen.evaluation.figures import DPI, TILE, figure_png, show_image
from mrigen.evaluation.usefulness.trials import Trial

_DARK = 0.55  # share from which a cell is dark and its text white


def confusion_figure(lines: Sequence[Sequence[Trial]]) -> bytes:
    """Draw confusion matrices, one task a line.

    Parameters
    ----------
    lines
        Trials of each task, at least one.
    """
    columns = max(map(len, lines))
    size = (3.1 * columns, 2.8 * len(lines))
    figure = Figure(figsize=size, dpi=DPI, layout="constrained")
    grid = figure.subplots(len(lines), columns, squeeze=False)
    for line, trials in zip(grid, lines, strict=True):
        for axes in line[len(trials) :]:
            axes.set_axis_off()
        for axes, trial in zip(line, trials, strict=False):
            _draw_confusion(axes, trial)
    return figure_png(figure)


def realness_figure(
    generated: npt.NDArray[np.uint8], realness: npt.NDArray[np.float64], *, count: int
) -> bytes:
    """Draw the generated slices that a classifier takes for real most and least readily.

    Parameters
    ----------
    generated : (N, 1, H, W) uint8
    realness : (N,)
        How probably each is real, to the classifier.
    count
        Slices in a row.
    """
    order = np.argsort(-realness, kind="stable")
    count = min(count, len(order))
    size = (count * TILE + 0.4, 2 * (TILE + 0.25))
    figure = Figure(figsize=size, dpi=DPI, layout="constrained")
    grid = figure.subplots(2, count, squeeze=False)
    rows = (("taken for real", order[:count]), ("given away", order[::-1][:count]))
    for line, (label, chosen) in zip(grid, rows, strict=True):
        for axes, place in zip(line, chosen, strict=True):
            show_image(axes, generated[place, 0])
            axes.set_xlabel(f"{100 * realness[place]:.0f} % real", fontsize=8, labelpad=2)
        line[0].set_ylabel(label, fontsize=9)
    return figure_png(figure)


def _draw_confusion(axes: Axes, trial: Trial) -> None:
    counts = trial.confusion()
    shares = counts / counts.sum(1, keepdims=True)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for (row, column), share in np.ndenumerate(shares):
        text = f"{100 * share:.0f} %\n{counts[row, column]:.0f}"
        colour = "white" if share > _DARK else "black"
        axes.text(column, row, text, ha="center", va="center", fontsize=8, color=colour)
    ticks = range(len(trial.classes))
    names = [name.replace(" years", "").replace(", ", ",\n") for name in trial.classes]
    axes.set_xticks(ticks, names, fontsize=7)
    axes.set_yticks(ticks, names, fontsize=7, rotation=90, va="center")
    axes.set_xlabel("taken for", fontsize=8)
    axes.set_ylabel("is", fontsize=8)
    axes.set_title(f"{trial.task.replace('_', ' ')}\nlearned from {trial.trained_on}", fontsize=9)
