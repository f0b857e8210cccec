"""Quality against the time of training, and the models that no other beats in both."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.ticker import FuncFormatter, NullFormatter
from matplotlib.transforms import Bbox

from mrigen.evaluation.figures import BLUE, DPI, ORANGE, figure_png

_PANEL = (4.6, 3.4)  # inches
_COLUMNS = 2
# Where a label may stand, in points from its mark; the first that is free is taken.
_PLACES = [
    (side * step, up)
    for step in (1, 2)
    for up in (0, 9, -9, 18, -18, 27, -27, 36, -36)
    for side in (7, -7)
]


# Behind a label, where it stands on a line.
_PAPER = {"fc": "white", "ec": "none", "pad": 0.5, "alpha": 0.8}


class Point(NamedTuple):
    """One model: what it took and what it reached, with the interval where there is one."""

    model: str
    seconds: float
    value: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Panel:
    """Models of one dataset, judged by one number.

    Attributes
    ----------
    title, label
        Over the panel and beside its vertical axis.
    better
        Which direction is better.
    points
        At least one.
    """

    title: str
    label: str
    better: Literal["higher", "lower"]
    points: Sequence[Point]


def pareto_front(points: Sequence[Point], better: Literal["higher", "lower"]) -> list[Point]:
    """Return the points that no other equals or beats in both time and value, by time.

    Examples
    --------
    >>> slow, quick, poor = Point("a", 9, 3), Point("b", 1, 2), Point("c", 5, 1)
    >>> [point.model for point in pareto_front([slow, quick, poor], "higher")]
    ['b', 'a']
    """
    sign = 1 if better == "higher" else -1
    front: list[Point] = []
    for point in sorted(points, key=lambda each: (each.seconds, -sign * each.value)):
        if not front or sign * point.value > sign * front[-1].value:
            front.append(point)
    return front


def pareto_figure(panels: Sequence[Panel]) -> bytes:
    """Draw quality over seconds of training, a panel for each dataset and task, as PNG."""
    columns = min(_COLUMNS, len(panels))
    rows = -(-len(panels) // columns)
    size = (_PANEL[0] * columns, _PANEL[1] * rows)
    figure = Figure(figsize=size, dpi=DPI, layout="constrained")
    grid = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes, panel in zip(grid, panels, strict=False):
        _draw(axes, panel)
    for axes in grid[len(panels) :]:
        axes.set_axis_off()
    figure.draw_without_rendering()  # places the axes, by which labels are placed
    figure.set_layout_engine("none")
    for axes, panel in zip(grid, panels, strict=False):
        _label(axes, panel.points)
    return figure_png(figure)


def _draw(axes: Axes, panel: Panel) -> None:
    seconds = [point.seconds for point in panel.points]
    axes.set_xscale("log")
    axes.set_xlim(min(seconds) / 2, max(seconds) * 2)
    front = pareto_front(panel.points, panel.better)
    axes.step(
        *([p.seconds for p in front], [p.value for p in front]),
        where="post", color=ORANGE, linewidth=1, zorder=1, label="none is both quicker and better",
    )  # fmt: skip
    for point in panel.points:
        if point.low is not None and point.high is not None:
            axes.vlines(point.seconds, point.low, point.high, color=BLUE, alpha=0.4, zorder=1)
        colour = ORANGE if point in front else BLUE
        axes.plot(point.seconds, point.value, "o", color=colour, markersize=5, zorder=2)
    axes.margins(y=0.12)
    axes.set_xticks(_ticks(*axes.get_xlim()))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_title(panel.title, fontsize=10)
    axes.set_xlabel("seconds of training", fontsize=9)
    axes.set_ylabel(f"{panel.label}\n{panel.better} is better", fontsize=9)
    axes.tick_params(labelsize=8)
    axes.grid(alpha=0.3)
    axes.legend(fontsize=7, loc="best")


def _ticks(low: float, high: float) -> list[float]:
    return [
        digit * 10.0**power for power in range(-3, 8) for digit in (1, 2, 5)
        if low <= digit * 10.0**power <= high
    ]  # fmt: skip


def _label(axes: Axes, points: Sequence[Point]) -> None:
    """Write each model's name beside its mark, where it covers no other name and no mark."""
    frame = axes.get_window_extent()
    marks = [axes.transData.transform((point.seconds, point.value)) for point in points]
    taken = [Bbox.from_bounds(x - 4, y - 4, 8, 8) for x, y in marks]
    legend = axes.get_legend()
    if legend is not None:
        taken.append(legend.get_window_extent())
    for point in sorted(points):
        taken.append(_write(axes, point, frame, taken))


def _write(axes: Axes, point: Point, frame: Bbox, taken: Sequence[Bbox]) -> Bbox:
    box = Bbox.null()
    for right, up in _PLACES:
        text = axes.annotate(
            point.model, (point.seconds, point.value), (right, up), textcoords="offset points",
            fontsize=7.5, va="center", ha="left" if right > 0 else "right", bbox=_PAPER,
            arrowprops={"arrowstyle": "-", "lw": 0.4, "alpha": 0.6, "shrinkB": 2} if up else None,
        )  # fmt: skip
        text.get_window_extent()  # moves the text to where it will be
        box = Text.get_window_extent(text)  # without its line
        inside = frame.x0 <= box.x0 and box.x1 <= frame.x1 and frame.y0 <= box.y0
        if inside and box.y1 <= frame.y1 and not any(box.overlaps(other) for other in taken):
            return box
        text.remove()
    axes.annotate(
        point.model, (point.seconds, point.value), (7, 0), textcoords="offset points", fontsize=7.5
    )
    return box
