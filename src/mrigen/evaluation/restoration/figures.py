"""Pictures of restoration: gains, courses along the head, and slices with known damage."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from torch import Tensor

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
from mrigen.images import from_integers, to_uint8
from mrigen.metrics.intervals import Interval
from mrigen.metrics.similarity import psnr

#: Places along an axis with the interval at each.
Line = list[tuple[float, Interval]]

# Its lightness only rises: the picture says the same in grey.
_COLOURS = "cividis"

# Gains beyond are drawn as this one, so that no single cell hides the others, and the colours of
# two models mean the same.
_STRONG_GAIN = 10.0  # dB

_GAP = 4  # pixels between pictures
_NOTE: dict[str, Any] = {
    "textcoords": "offset points",
    "annotation_clip": False,
    "ha": "center",
    "fontsize": 8,
}

_STYLES = ((BLUE, "o-"), (GREEN, "s--"), (ORANGE, "^:"))


def in_eight_bits(images: Tensor) -> Tensor:
    """Return images as they can be shown: what differs in the last bit of a float looks the same.

    Parameters
    ----------
    images : (N, 1, H, W) float32 in [0, 1]
        Such as the answers of a network, whose sums depend on the number of threads.
    """
    return from_integers(to_uint8(images))


def gain_figure(gains: Mapping[str, Sequence[float]], strengths: Sequence[float]) -> bytes:
    """Draw gains in dB as a table of colours with the numbers in it.

    Parameters
    ----------
    gains
        One row each, as many values as there are strengths.
    strengths
        One column each.
    """
    values = np.array(list(gains.values()))
    size = (2.9 + 0.85 * len(strengths), 0.9 + 0.3 * len(gains))
    figure = Figure(figsize=size, dpi=DPI, layout="constrained")
    axes = figure.subplots()
    window = Normalize(-_STRONG_GAIN, _STRONG_GAIN)
    drawn = axes.imshow(values, cmap=_COLOURS, norm=window, aspect="auto", interpolation="nearest")
    for (row, column), value in np.ndenumerate(values):
        red, green, blue, _ = drawn.cmap(drawn.norm(value))
        dark = 0.299 * red + 0.587 * green + 0.114 * blue < 0.5
        colour = "white" if dark else "black"
        axes.text(column, row, f"{value:+.1f}", ha="center", va="center", color=colour, fontsize=9)
    axes.set_xticks(range(len(strengths)), [f"{strength:g}" for strength in strengths], fontsize=9)
    axes.set_yticks(range(len(gains)), list(gains), fontsize=9)
    axes.set_xlabel("strength of the damage", fontsize=9)
    axes.set_title("gain in PSNR, dB", fontsize=10)
    return figure_png(figure)


def position_figure(panels: Mapping[str, Mapping[str, Line]]) -> bytes:
    """Draw courses along the head, one panel a measure, one line a kind of input."""
    figure = Figure(figsize=(3.6 * len(panels), 3.0), dpi=DPI, layout="constrained")
    for axes, (label, lines) in zip(
        figure.subplots(1, len(panels), squeeze=False)[0], panels.items(), strict=True
    ):
        for (name, line), (colour, style) in zip(lines.items(), _STYLES, strict=False):
            _draw_line(axes, line, label=name, colour=colour, style=style)
        axes.set_title(label, fontsize=10)
        axes.set_xlabel("position, mm", fontsize=9)
        axes.tick_params(labelsize=8)
        axes.grid(alpha=0.3)
    handles, labels = figure.axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(labels), fontsize=8)
    return figure_png(figure)


def _draw_line(axes: Axes, line: Line, *, label: str, colour: str, style: str) -> None:
    places = [place for place, _ in line]
    axes.plot(places, [each.value for _, each in line], style, color=colour, ms=4, label=label)
    for place, interval in line:
        if interval.low is not None and interval.high is not None:
            axes.vlines(place, interval.low, interval.high, color=colour, lw=1)


def damage_figure(
    labels: Sequence[str], inputs: Tensor, restored: Tensor, *, clean: Tensor
) -> bytes:
    """Draw one slice in several states of damage, with the answers and what they miss.

    Parameters
    ----------
    labels
        One a column.
    inputs, restored : (N, 1, H, W) float32 in [0, 1]
    clean : (1, 1, H, W) float32 in [0, 1]
    """
    target = clean.expand_as(inputs)
    difference = (restored - target).abs() / WHITE_DIFFERENCE
    figure = Figure(figsize=(len(labels) * TILE + 0.4, 3 * (TILE + 0.25)), dpi=DPI, layout="tight")
    above, between, below = figure.subplots(3, 1)
    _show_line(above, inputs, name="input", notes=_notes(inputs, clean), titles=labels)
    _show_line(between, restored, name="answer", notes=_notes(restored, clean))
    _show_line(below, difference, name="difference", notes=[""] * len(labels))
    return figure_png(figure)


def ladder_figure(clean: Tensor, kinds: Mapping[str, Sequence[tuple[str, Tensor]]]) -> bytes:
    """Draw one slice at every rung, one kind of degradation a row, the clean slice in front.

    Parameters
    ----------
    clean : (1, 1, H, W) float32 in [0, 1]
    kinds
        By name, from mild to strong: words that go below a picture, and the (1, 1, H, W) picture.
    """
    width = max(map(len, kinds.values())) + 1
    size = (width * (TILE + 0.1) + 0.4, len(kinds) * (TILE + 0.7))
    figure = Figure(figsize=size, dpi=DPI, layout="tight")
    grid = figure.subplots(len(kinds), 1, squeeze=False)[:, 0]
    blank = torch.full_like(clean, 1.0)
    for axes, (kind, rungs) in zip(grid, kinds.items(), strict=True):
        notes = ["clean", *(words for words, _ in rungs)]
        images = torch.cat([clean, *(image for _, image in rungs)])
        missing = width - len(images)
        images = torch.cat([images, blank.expand(missing, -1, -1, -1)])
        _show_line(axes, images, name=kind, notes=notes + [""] * missing)
    return figure_png(figure)


def _show_line(
    axes: Axes, images: Tensor, *, name: str, notes: Sequence[str], titles: Sequence[str] = ()
) -> None:
    # One row of pictures as one picture: a panel for each would take seconds to draw.
    height, width = images.shape[-2:]
    sheet = np.full((height, len(images) * (width + _GAP) - _GAP), 255.0)
    for place, image in enumerate(images):
        start = place * (width + _GAP)
        sheet[:, start : start + width] = image[0].numpy() * 255
        middle = start + (width - 1) / 2
        axes.annotate(notes[place], xy=(middle, height), xytext=(0, -2), **_NOTE, va="top")
        if titles:
            axes.annotate(titles[place], xy=(middle, -1), xytext=(0, 2), **_NOTE, va="bottom")
    show_image(axes, sheet)
    axes.set_ylabel(name, fontsize=9)
    axes.set_frame_on(False)


def _notes(images: Tensor, clean: Tensor) -> list[str]:
    values = psnr(images, clean.expand_as(images)).tolist()
    same = [bool((image == clean[0]).all()) for image in images]
    return [
        "no error" if alike else f"{value:.1f} dB"
        for alike, value in zip(same, values, strict=True)
    ]
