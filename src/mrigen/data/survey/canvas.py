"""What the figures of a survey share: size, colours, and PNG bytes that depend on numbers alone."""

from collections.abc import Sequence
from io import BytesIO
from typing import Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

# Okabe and Ito's colours, told apart by most colour-blind readers.
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#6b4c9a", "#7f7f7f")
_DPI = 110
_PANEL = (4.6, 2.9)  # inches


def new_figure(
    rows: int, columns: int, *, panel: tuple[float, float] = _PANEL
) -> tuple[Figure, list[Axes]]:
    """Return an empty figure and its panels, row by row; nothing to close, no global state."""
    size = (columns * panel[0], rows * panel[1])
    figure = Figure(figsize=size, dpi=_DPI, layout="constrained")
    panels = list(figure.subplots(rows, columns, squeeze=False).ravel())
    for axes in panels:
        axes.tick_params(labelsize=8)
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(alpha=0.25)
        axes.set_axisbelow(True)
    return figure, panels


def name_axes(axes: Axes, title: str, *, x: str, y: str) -> None:
    """Set the title and the labels."""
    axes.set_title(title, fontsize=10)
    axes.set_xlabel(x, fontsize=9)
    axes.set_ylabel(y, fontsize=9)


def add_legend(axes: Axes, place: Literal["upper right", "upper center"] = "upper right") -> None:
    """Show what the colours mean, if there is anything to tell."""
    if axes.get_legend_handles_labels()[1]:
        # A fixed place: looking for the best one among hundreds of lines takes seconds.
        axes.legend(fontsize=8, framealpha=0.8, loc=place)


def draw_bars(axes: Axes, labels: Sequence[str], counts: Sequence[int]) -> None:
    """Draw counts as bars from left to right, the first on top, each with its number."""
    places = np.arange(len(labels))[::-1]
    bars = axes.barh(places, counts, color=COLOURS[0], height=0.7)
    axes.bar_label(bars, padding=3, fontsize=8)
    axes.set_yticks(places, [literal(label) for label in labels])
    axes.set_ylim(-0.7, len(labels) - 0.3)
    axes.set_xlim(0, max(counts, default=1) * 1.15)
    axes.grid(visible=False, axis="y")


def literal(text: str) -> str:
    """Return text that is drawn letter by letter: a pair of dollars would start a formula."""
    return text.replace("\\", "\\\\").replace("$", r"\$")


def to_png(figure: Figure) -> bytes:
    """Encode a figure."""
    buffer = BytesIO()
    # Matplotlib writes its version into the file, which would change the bytes at every update.
    figure.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()
