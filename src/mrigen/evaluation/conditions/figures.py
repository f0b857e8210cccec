"""Figures of what was asked for: sheets of slices, what was read back, and growing ventricles."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from mrigen.data.loader import TEST, TRAIN
from mrigen.evaluation.conditions.ageing import Ageing
from mrigen.evaluation.conditions.obedience import Read, Reading
from mrigen.evaluation.conditions.real_heads import RealHeads
from mrigen.evaluation.conditions.ventricles import ventricle_mask
from mrigen.evaluation.figures import (
    BLUE,
    DPI,
    GREEN,
    ORANGE,
    TILE,
    WHITE_DIFFERENCE,
    figure_png,
    show_image,
)
from mrigen.images import to_uint8
from mrigen.metrics.classification import confusion

_PANEL = 3.2  # inches


def reading_figure(readings: Sequence[Reading]) -> bytes:
    """Draw what was read over what was asked, and over what is known of test slices.

    Parameters
    ----------
    readings
        At least one.
    """
    size = (_PANEL * len(readings), 2 * _PANEL)
    figure = Figure(figsize=size, dpi=DPI, layout="constrained")
    grid = figure.subplots(2, len(readings), squeeze=False, sharex="col", sharey="col")
    for column, reading in zip(grid.T, readings, strict=True):
        sets = (("generated", reading.generated, ORANGE), ("real, test", reading.real, BLUE))
        for axes, (title, read, colour) in zip(column, sets, strict=True):
            if reading.known.condition.choices:
                _draw_choices(axes, read, reading.known.condition.choices)
            else:
                _draw_numbers(axes, read, colour)
            axes.set_title(f"{_label(reading)}\n{title}", fontsize=9)
            axes.set_xlabel("asked" if read is reading.generated else "known", fontsize=8)
            axes.set_ylabel("read", fontsize=8)
            axes.tick_params(labelsize=7)
    return figure_png(figure)


def area_figure(ageing: Ageing, *, seed: int) -> bytes:
    """Draw the area of ventricles over age, of drawn heads and of real people.

    Parameters
    ----------
    ageing
        What was measured.
    seed
        Of the resampling behind the intervals.
    """
    figure = Figure(figsize=(9, 3.6), dpi=DPI, layout="constrained")
    left, right = figure.subplots(1, 2, sharex=True, sharey=True)
    for line in ageing.areas:
        left.plot(ageing.ages, line, color=ORANGE, lw=0.7, alpha=0.4)
    left.plot(ageing.ages, ageing.areas.mean(0), color=ORANGE, lw=2.2, marker="o", ms=4)
    growth = ageing.growth(seed=seed)
    left.set_title(f"generated, a line a seed: {growth.value:+.0f} mm² a decade", fontsize=9)
    for split, colour, words in ((TRAIN, GREEN, "training"), (TEST, BLUE, "test")):
        people = ageing.real[split]
        right.plot(people.ages, people.areas, ".", color=colour, ms=6, label=words)
    everybody = ageing.everybody
    right.plot(*_fitted(everybody), color="black", lw=1.2, label="line of both")
    slope = everybody.growth(seed=seed).value
    right.set_title(f"real, a point a person: {slope:+.0f} mm² a decade", fontsize=9)
    right.legend(fontsize=8)
    left.set_ylabel("ventricles, mm²", fontsize=9)
    for axes in (left, right):
        axes.set_xlabel("age, years", fontsize=9)
        axes.set_ylim(bottom=0)
        axes.tick_params(labelsize=8)
        axes.grid(alpha=0.3)
    return figure_png(figure)


def ageing_figure(
    images: Tensor, real: Tensor, *, ages: Sequence[float], real_ages: Sequence[float]
) -> bytes:
    """Draw heads at rising ages, their differences to the youngest, and real slices.

    Parameters
    ----------
    images : (S, A, 1, H, W) float32 in [0, 1]
        A line a seed, a column an age.
    real : (A, 1, H, W) float32 in [0, 1]
        Of people of about these ages.
    ages, real_ages
        In years.
    """
    lines = 2 * len(images) + 1
    size = (len(ages) * TILE + 0.5, lines * (TILE + 0.02) + 0.6)
    figure = Figure(figsize=size, dpi=DPI, layout="constrained")
    grid = figure.subplots(lines, len(ages), squeeze=False)
    for place, head in enumerate(images):
        shown, differing = grid[2 * place], grid[2 * place + 1]
        change = (head - head[:1]).abs() / WHITE_DIFFERENCE
        for axes, below, pixels, difference in zip(
            shown, differing, to_uint8(head), to_uint8(change), strict=True
        ):
            _show_measured(axes, pixels[0])
            show_image(below, difference[0])
        shown[0].set_ylabel(f"seed {place}", fontsize=8)
        differing[0].set_ylabel("difference", fontsize=8)
    for axes, pixels, age in zip(grid[-1], to_uint8(real), real_ages, strict=True):
        _show_measured(axes, pixels[0])
        axes.set_xlabel(f"{age:.0f} years", fontsize=8, labelpad=2)
    grid[-1][0].set_ylabel("real, training", fontsize=8)
    for axes, age in zip(grid[0], ages, strict=True):
        axes.set_title(f"{age:.0f} years", fontsize=9)
    return figure_png(figure)


def _show_measured(axes: Axes, pixels: npt.NDArray[np.uint8]) -> None:
    show_image(axes, pixels)
    mask = ventricle_mask(pixels / np.float64(255))
    if mask.any():
        axes.contour(mask, [0.5], colors=ORANGE, linewidths=0.7)


def _draw_numbers(axes: Axes, read: Read, colour: str) -> None:
    axes.plot(read.truth, read.found, ".", color=colour, ms=4, alpha=0.6)
    ends = [read.truth.min(), read.truth.max()]
    axes.plot(ends, ends, color="0.5", lw=0.8, ls="--")
    axes.grid(alpha=0.3)


def _draw_choices(axes: Axes, read: Read, choices: Sequence[str]) -> None:
    counts = confusion(read.truth.astype(int), read.found.astype(int), classes=len(choices))
    # Asked along, read upwards: as where numbers are drawn.
    shares = (counts / np.maximum(counts.sum(1, keepdims=True), 1)).T
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1, origin="lower")
    for (row, column), share in np.ndenumerate(shares):
        colour = "white" if share > 0.5 else "black"
        axes.text(column, row, f"{share:.0%}", ha="center", va="center", fontsize=8, color=colour)
    axes.set_xticks(range(len(choices)), choices)
    axes.set_yticks(range(len(choices)), choices)


def _label(reading: Reading) -> str:
    condition = reading.known.condition
    name = condition.name.removesuffix("_mm").replace("_", " ")
    return f"{name}, {condition.unit}" if condition.unit else name


def _fitted(people: RealHeads) -> tuple[list[float], list[float]]:
    ends = [float(people.ages.min()), float(people.ages.max())]
    if ends[0] == ends[1]:
        return ends, [float(people.areas.mean())] * 2
    line = np.polynomial.Polynomial.fit(people.ages, people.areas, 1)
    return ends, [float(line(end)) for end in ends]
