"""Figures of intensities, of what slices hold, and of what the rules would keep."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from mrigen.data.survey.canvas import (
    COLOURS,
    add_legend,
    literal,
    name_axes,
    new_figure,
    to_png,
)
from mrigen.data.survey.content import CUTS, MEASURES, KeptRanges, SliceContent, Verdict
from mrigen.data.survey.measure import ScanMeasures

Numbers = npt.NDArray[np.float64]

#: More lines than these take minutes to draw and show no more.
MOST_LINES = 600

_NO_SITE = "site unknown"
# Densities below this share of the highest are not shown.
_FAINTEST = 1e-5
# Room for the legend above the bars.
_HEADROOM = 1.35
_STYLES = {"q1": "-", "q1_iqr": "--", "sd3": ":", "": "-"}


class Line(NamedTuple):
    """A histogram to be drawn as a line.

    Attributes
    ----------
    site
        Which colour it gets.
    edges : (B + 1,) float64
    shares : (B,) float64
        Of the voxels or pixels that are not 0.
    """

    site: str | None
    edges: Numbers
    shares: Numbers


class Panel(NamedTuple):
    """Lines that share their axes.

    Attributes
    ----------
    label
        Of the horizontal axis.
    limits
        Of the horizontal axis; None shows everything.
    """

    title: str
    label: str
    lines: Sequence[Line]
    limits: tuple[float, float] | None = None


def raw_lines(scans: Sequence[ScanMeasures]) -> list[Line]:
    """Return the intensities as they are."""
    return [Line(s.site, s.intensities.edges, s.intensities.shares) for s in scans]


def scaled_lines(scans: Sequence[ScanMeasures]) -> list[Line]:
    """Return the intensities with each volume's own black and white, as datasets do by default."""
    return [
        Line(
            scan.site,
            (scan.intensities.edges - scan.intensities.black)
            / max(scan.intensities.white - scan.intensities.black, 1e-12),
            scan.intensities.shares,
        )
        for scan in scans
    ]


def spread_out(lines: Sequence[Line]) -> list[Line]:
    """Return `MOST_LINES` of the lines at even distances, or all where there are not more."""
    places = np.linspace(0, len(lines) - 1, min(len(lines), MOST_LINES)).round().astype(int)
    return [lines[place] for place in places]


def intensity_figure(panels: Sequence[Panel]) -> bytes:
    """Draw one line a scan, coloured by site."""
    figure, grid = new_figure(1, len(panels), panel=(5.2, 3.2))
    for axes, panel in zip(grid, panels, strict=True):
        sites = sorted({line.site or _NO_SITE for line in panel.lines})
        # So that hundreds of lines show where most of them lie.
        alpha = float(np.clip(12 / max(len(panel.lines), 1), 0.12, 0.9))
        highest = 0.0
        for line in panel.lines:
            colour = COLOURS[sites.index(line.site or _NO_SITE) % len(COLOURS)]
            # Per unit of the axis, so that wide and narrow bins compare.
            heights = line.shares / np.diff(line.edges)
            axes.plot(_middles(line.edges), heights, color=colour, alpha=alpha, linewidth=0.8)
            highest = max(highest, float(heights.max()))
        if 1 < len(sites) <= len(COLOURS):
            for place, site in enumerate(sites):
                axes.plot([], [], color=COLOURS[place], label=literal(site))
        if highest > 0:
            axes.set_yscale("log")
            axes.set_ylim(highest * _FAINTEST, highest * 2)
        axes.set_xlim(panel.limits)
        name_axes(axes, panel.title, x=panel.label, y="density (log scale)")
        add_legend(axes)
    return to_png(figure)


def measure_figure(
    contents: Sequence[SliceContent],
    measure: str,
    verdicts: Sequence[Verdict],
    ends: tuple[str, str],
) -> bytes:
    """Draw how a measure is distributed, with every rule's cut, and how it runs along the axis.

    Parameters
    ----------
    contents
        One per scan, at least one of which has the measure.
    measure
        A key of `MEASURES`.
    verdicts
        What each rule on it would keep.
    ends
        What lies at the lowest and at the highest slice.
    """
    parts = [part for part in (content.values(measure) for content in contents) if len(part)]
    along = any(len(part) > 1 for part in parts)
    figure, (first, *others) = new_figure(1, 1 + along, panel=(5.2, 3.2))
    counts, _, _ = first.hist(np.concatenate(parts), bins=60, color=COLOURS[5])
    first.set_ylim(0, float(np.max(counts)) * _HEADROOM)
    first.set_xlim(*first.get_xlim())
    _draw_cuts(first, verdicts)
    name_axes(first, "", x=MEASURES[measure], y="slices")
    add_legend(first)
    for axes in others:
        _draw_profile(axes, parts)
        name_axes(axes, "", x=f"place along the axis, {ends[0]} to {ends[1]}", y=MEASURES[measure])
        add_legend(axes)
    return to_png(figure)


def _draw_profile(axes: Axes, parts: Sequence[Numbers]) -> None:
    places = np.linspace(0, 1, 101)
    curves = np.array([_along(part, places) for part in parts])
    low, middle, high = np.percentile(curves, [5, 50, 95], axis=0)
    axes.fill_between(places, low, high, color=COLOURS[5], alpha=0.4, label="90 % of scans")
    axes.plot(places, middle, color=COLOURS[0], label="median scan")


def _draw_cuts(axes: Axes, verdicts: Sequence[Verdict]) -> None:
    # A cut below all slices would squeeze them to the right: it is told and not drawn.
    lowest = axes.get_xlim()[0]
    for place, verdict in enumerate(verdicts):
        share = verdict.kept / verdict.slices
        outside = verdict.value < lowest
        axes.axvline(
            np.nan if outside else verdict.value, color=COLOURS[(1, 2, 3)[place]],
            linestyle=_STYLES[verdict.cut], linewidth=1.6,
            label=f"{name_rule(verdict)}{' (below all)' if outside else ''}: keeps {share:.1%}",
        )  # fmt: skip


def name_rule(verdict: Verdict) -> str:
    """Say where a rule cuts."""
    named = [words for cut, words in CUTS.items() if cut == verdict.cut]
    return named[0] if named else f"more than {verdict.value:.3g}"


def kept_figure(ranges: KeptRanges) -> bytes:
    """Draw first and last slice that the brain rule keeps, and how many it keeps, a scan each."""
    figure, (ends, numbers) = new_figure(1, 2)
    for label, values, colour in (
        ("first", ranges.first, COLOURS[0]),
        ("last", ranges.last, COLOURS[1]),
    ):
        ends.hist(values, bins=_whole(values), color=colour, label=label)
    numbers.hist(ranges.number, bins=_whole(ranges.number), color=COLOURS[2])
    for axes in (ends, numbers):
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    name_axes(ends, "First and last slice kept", x="slice number", y="scans")
    name_axes(numbers, "Slices kept", x="slices", y="scans")
    add_legend(ends, "upper center")  # between the two
    return to_png(figure)


def _middles(edges: Numbers) -> Numbers:
    middles: Numbers = (edges[1:] + edges[:-1]) / 2
    return middles


def _whole(values: npt.NDArray[np.int64]) -> list[float]:
    # Bars as wide as a slice, or as a few where there are too many of them.
    low, high = int(values.min()), int(values.max())
    step = max(1, (high - low) // 40)
    return [place - 0.5 for place in range(low, high + step + 1, step)]


def _along(values: Numbers, places: Numbers) -> Numbers:
    own = (np.arange(len(values)) + 0.5) / len(values)
    return np.interp(places, own, values)
