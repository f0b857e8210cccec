"""Pictures of an evaluation as PNG bytes: the same numbers give the same bytes."""

from collections.abc import Mapping, Sequence
from io import BytesIO

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from torch import Tensor

from mrigen.images import contact_sheet, to_uint8
from mrigen.metrics.patches import bounding_rectangles
from mrigen.metrics.similarity import psnr

#: The absolute difference that is drawn white.
WHITE_DIFFERENCE = 0.25

DPI = 110
TILE = 1.25  # inches of a slice in a figure
#: Told apart by most colour-blind readers.
BLUE, ORANGE, GREEN, PURPLE = "#0072b2", "#d55e00", "#009e73", "#cc79a7"


def sample_figure(generated: Tensor, real: Tensor) -> bytes:
    """Draw generated images beside as many real ones.

    Parameters
    ----------
    generated, real : (N, 1, H, W) float32 in [0, 1], of the same shape
    """
    columns = int(np.ceil(np.sqrt(len(generated))))
    rows = -(-len(generated) // columns)
    size = (2 * columns * TILE, rows * TILE + 0.3)
    figure = Figure(figsize=size, dpi=DPI, layout="constrained")
    panels = figure.subplots(1, 2)
    titled = ((f"{len(generated)} generated", generated), (f"{len(real)} real, test split", real))
    for axes, (title, images) in zip(panels, titled, strict=True):
        show_image(axes, contact_sheet(images, columns=columns))
        axes.set_title(title, fontsize=10)
    return figure_png(figure)


def restoration_figure(inputs: Tensor, *, target: Tensor, restored: Tensor, patch: Tensor) -> bytes:
    """Draw slices column by column: clean, corrupted, restored, absolute difference.

    Parameters
    ----------
    inputs, target, restored : (N, 1, H, W) float32 in [0, 1]
        What the network got, the clean slice, and its answer. Inputs that equal the target are
        not drawn twice.
    patch : (N, 1, H, W) bool
        Outlined where it is not empty.
    """
    damaged = not bool((inputs == target).all())
    rows = [("clean", target)]
    if damaged:
        rows.append(("corrupted", inputs))
    rows.append(("restored" if damaged else "reproduced", restored))
    rows.append(("difference", (restored - target).abs() / WHITE_DIFFERENCE))
    count = len(target)
    size = (count * TILE + 0.4, len(rows) * (TILE + 0.12))
    figure = Figure(figsize=size, dpi=DPI, layout="constrained")
    grid = figure.subplots(len(rows), count, squeeze=False)
    for line, (label, images) in zip(grid, rows, strict=True):
        for axes, image in zip(line, images, strict=True):
            show_image(axes, image[0].numpy() * 255)
        line[0].set_ylabel(label, fontsize=9)
    for label, images in rows[1:-1]:
        _note_psnr(grid[[name for name, _ in rows].index(label)], psnr(images, target))
    if damaged:
        _outline(grid[1], patch)
    return figure_png(figure)


def rows_figure(
    lines: Sequence[Tensor] | Tensor, labels: Sequence[str], headings: Sequence[str] = ()
) -> bytes:
    """Draw images in rows.

    Parameters
    ----------
    lines
        Each (N, 1, H, W) float32 in [0, 1], all of the same length.
    labels
        One for each row; may be empty words.
    headings
        One for each column, or none.
    """
    count = len(lines[0])
    size = (count * TILE + 0.4, len(lines) * (TILE + 0.05) + 0.2)
    figure = Figure(figsize=size, dpi=DPI, layout="constrained")
    grid = figure.subplots(len(lines), count, squeeze=False)
    for line, images, label in zip(grid, lines, labels, strict=True):
        for axes, pixels in zip(line, to_uint8(images), strict=True):
            show_image(axes, pixels[0])
        line[0].set_ylabel(label, fontsize=8)
    for axes, heading in zip(grid[0], headings, strict=False):
        axes.set_title(heading, fontsize=9)
    return figure_png(figure)


def curve_figure(history: Mapping[str, Sequence[float]]) -> bytes:
    """Draw the terms of a loss over epochs, training and validation in one panel each.

    Parameters
    ----------
    history
        A column `epoch`, and columns `train/<term>` and `validation/<term>` of its length.
        Other columns are left out, and so are values that are not finite.
    """
    names = [name for name in history if name.startswith(("train/", "validation/"))]
    terms = list(dict.fromkeys(name.split("/", 1)[1] for name in names)) or ["loss"]
    columns = min(len(terms), 3)
    rows = -(-len(terms) // columns)
    figure = Figure(figsize=(3.6 * columns, 2.6 * rows), dpi=DPI, layout="constrained")
    grid = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes, term in zip(grid, terms, strict=False):
        _draw_term(axes, term, history)
    for axes in grid[len(terms) :]:
        axes.set_axis_off()
    return figure_png(figure)


def _draw_term(axes: Axes, term: str, history: Mapping[str, Sequence[float]]) -> None:
    epochs = np.asarray(history["epoch"], float)
    styles = (("train", BLUE, "-"), ("validation", ORANGE, "--"))
    drawn = []
    for kind, colour, line in styles:
        if f"{kind}/{term}" in history:
            values = np.asarray(history[f"{kind}/{term}"], float)
            finite = np.isfinite(values)
            if finite.any():
                axes.plot(epochs[finite], values[finite], line, color=colour, label=kind)
                drawn.append(values[finite])
    if drawn:
        values = np.concatenate(drawn)
        if values.min() > 0 and values.max() > 30 * values.min():
            axes.set_yscale("log")
        axes.legend(fontsize=8)
    axes.set_title(term.replace("_", " "), fontsize=10)
    axes.set_xlabel("epoch", fontsize=9)
    axes.tick_params(labelsize=8)
    axes.grid(alpha=0.3)


def show_image(axes: Axes, pixels: np.ndarray) -> None:
    """Show (H, W) pixels from 0, black, to 255, white, always in the same window."""
    axes.imshow(pixels, cmap="gray", vmin=0, vmax=255, interpolation="nearest")
    axes.set_xticks([])
    axes.set_yticks([])


def _note_psnr(line: Sequence[Axes], values: Tensor) -> None:
    for axes, value in zip(line, values.tolist(), strict=True):
        axes.set_xlabel(f"{value:.1f} dB", fontsize=8, labelpad=2)


def _outline(line: Sequence[Axes], patch: Tensor) -> None:
    for axes, marked in zip(line, patch, strict=True):
        if bool(marked.any()):
            top, bottom, left, right = bounding_rectangles(marked[None])[0]
            corner = (left - 0.5, top - 0.5)
            box = Rectangle(corner, right - left, bottom - top, fill=False, ec=ORANGE, lw=0.8)
            axes.add_patch(box)


def figure_png(figure: Figure) -> bytes:
    """Return a figure as PNG."""
    buffer = BytesIO()
    # Matplotlib writes its version into the file, which would change the bytes at every update.
    figure.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()
