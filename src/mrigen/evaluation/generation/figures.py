"""Figures of generated slices: spectra and intensities, positions, ladder, and quick mode."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
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
from mrigen.evaluation.generation.sets import Three
from mrigen.metrics.intervals import Interval

_TEST, _TRAIN, _GENERATED = "real, test", "real, training", "generated"
_STYLES = {
    _TEST: {"color": BLUE, "linestyle": "-"},
    _TRAIN: {"color": GREEN, "linestyle": ":"},
    _GENERATED: {"color": ORANGE, "linestyle": "--"},
}
_AXIS_OF = {
    "blur": "blur",
    "noise": "noise, of the range 0 to 1",
    "lower_resolution": "resolution lowered",
}


def appearance_figure(spectra: Three, histograms: Three) -> bytes:
    """Draw mean spectra and intensity histograms of the three sets.

    Parameters
    ----------
    spectra : (N, R) of each set
        Power at 1 to R cycles over an image.
    histograms : (N, bins) of each set
    """
    figure = Figure(figsize=(9, 3.4), dpi=DPI, layout="constrained")
    left, right = figure.subplots(1, 2)
    for name, powers, shares in (
        (_TEST, spectra.test, histograms.test),
        (_TRAIN, spectra.train, histograms.train),
        (_GENERATED, spectra.generated, histograms.generated),
    ):
        power, share = powers.mean(0).numpy(), shares.mean(0).numpy()
        left.plot(np.arange(1, len(power) + 1), power, label=name, **_STYLES[name])
        # What no image holds has no place on a logarithmic scale.
        share = np.where(share > 0, share, np.nan)
        right.plot(np.linspace(0, 1, len(share)), share, label=name, lw=1, **_STYLES[name])
    left.set(xscale="log", xlabel="cycles over the image: coarse to fine", ylabel="power")
    right.set(xlabel="intensity: black to white", ylabel="share of pixels")
    ticks = [tick for tick in (1, 2, 5, 10, 20, 50, 100, 200) if tick <= spectra.test.shape[1]]
    left.set_xticks(ticks, map(str, ticks))
    left.set_xticks([], minor=True)
    for axes in (left, right):
        axes.set_yscale("log")
        _finish(axes)
    return figure_png(figure)


def position_figure(
    edges: Sequence[tuple[float, float]],
    *,
    shares: Mapping[str, Sequence[float]],
    distances: Mapping[str, Sequence[Interval | None]],
) -> bytes:
    """Draw shares and distances of bins of positions.

    Parameters
    ----------
    edges
        Ends of each bin in mm.
    shares, distances
        One value a bin, by what is drawn; None is left out.
    """
    figure = Figure(figsize=(9, 3.4), dpi=DPI, layout="constrained")
    left, right = figure.subplots(1, 2)
    places = np.arange(len(edges))
    width = 0.8 / len(shares)
    for number, (name, values) in enumerate(shares.items()):
        colour = _STYLES[name]["color"]
        left.bar(places + (number - 0.5) * width, values, width, label=name, color=colour)
    for name, found in distances.items():
        drawn = [np.nan if each is None else each.value for each in found]
        right.plot(places, drawn, marker="o", label=name, **_STYLES[name])
        for place, each in zip(places, found, strict=True):
            if each is not None and each.low is not None and each.high is not None:
                colour = _STYLES[name]["color"]
                right.vlines(place, each.low, each.high, color=colour, lw=3, alpha=0.4)
    right.axhline(0, color="0.6", lw=0.8)
    left.set_ylabel("share of slices")
    right.set_ylabel("kernel distance")
    for axes in (left, right):
        axes.set_xticks(places, [f"{low:.0f} to {high:.0f}" for low, high in edges])
        axes.set_xlim(-0.6, len(edges) - 0.4)
        axes.set_xlabel("position in mm")
        _finish(axes)
    return figure_png(figure)


def ladder_figure(
    ladders: Mapping[str, tuple[str, Sequence[tuple[float, float]]]], distance: float
) -> bytes:
    """Draw distances of degraded slices with the model's as a line.

    Parameters
    ----------
    ladders
        By kind of degradation: its unit, and pairs of level and distance.
    distance
        The model's.
    """
    size = (max(3.6 * len(ladders), 4.5), 3.2)
    figure = Figure(figsize=size, dpi=DPI, layout="constrained")
    panels = figure.subplots(1, len(ladders), squeeze=False, sharey=True)[0]
    for axes, (kind, (unit, points)) in zip(panels, ladders.items(), strict=True):
        levels, distances = zip(*points, strict=True)
        axes.plot(levels, distances, color=BLUE, marker="o", ms=4, label="degraded real slices")
        axes.axhline(distance, color=ORANGE, linestyle="--", label="this model")
        axes.set_xlabel(_AXIS_OF[kind] + (", px" if unit == "px" else ""))
        axes.set_ylim(bottom=0)
        _finish(axes)
    panels[0].set_ylabel("Fréchet distance")
    for axes in panels[1:]:
        axes.get_legend().remove()
    return figure_png(figure)


def quick_figure(usual: Tensor, quick: Tensor) -> bytes:
    """Draw slices of the usual mode above those of the quick one, and their difference.

    Parameters
    ----------
    usual, quick : (N, 1, H, W) float32 in [0, 1]
        Of the same seeds and conditions.
    """
    difference = (quick - usual).abs() / WHITE_DIFFERENCE
    rows = {"usual": usual, "quick": quick, "difference": difference.clamp(0, 1)}
    size = (len(usual) * TILE + 0.4, len(rows) * (TILE + 0.05))
    figure = Figure(figsize=size, dpi=DPI, layout="constrained")
    grid = figure.subplots(len(rows), len(usual), squeeze=False)
    for line, (label, images) in zip(grid, rows.items(), strict=True):
        for axes, image in zip(line, images, strict=True):
            show_image(axes, image[0].numpy() * 255)
        line[0].set_ylabel(label, fontsize=9)
    return figure_png(figure)


def _finish(axes: Axes) -> None:
    axes.legend(fontsize=8)
    axes.tick_params(labelsize=8)
    axes.grid(alpha=0.3)
