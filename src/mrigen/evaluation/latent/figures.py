"""Maps of slices in a latent space."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize, to_rgba
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from mrigen.evaluation.figures import (
    BLUE,
    DPI,
    GREEN,
    ORANGE,
    PURPLE,
    figure_png,
)
from mrigen.evaluation.latent.maps import Plane

_UNKNOWN = "#b0b0b0"
_COLOURS = (BLUE, ORANGE, GREEN, PURPLE)
_OTHERS = "#f0e442"  # yellow: a fifth kind and all after it
_RIMMED = "#dddddd"  # in the legend, where only the rim matters
_SMALL, _LARGE = 7, 16  # areas of a point, in square points


class Colouring(NamedTuple):
    """What points of a map are coloured by.

    Attributes
    ----------
    title
        With its unit.
    numbers : (N,)
        NaN where it is not known; places in `names` where there are any.
    names
        Of kinds; none for a quantity.
    """

    title: str
    numbers: npt.NDArray[np.float64]
    names: tuple[str, ...] = ()


def map_figure(
    planes: Sequence[Plane], colourings: Sequence[Colouring], tested: npt.NDArray[np.bool_]
) -> bytes:
    """Draw maps, a method a line and a colouring a column.

    Parameters
    ----------
    planes
        Of the same slices.
    colourings
        Of these slices.
    tested : (N,) bool
        Which are test slices; they have a black rim.
    """
    size = (3.6 * len(colourings), 3.3 * len(planes))
    figure = Figure(figsize=size, dpi=DPI, layout="constrained")
    grid = figure.subplots(len(planes), len(colourings), squeeze=False)
    for line, plane in zip(grid, planes, strict=True):
        for axes, colouring in zip(line, colourings, strict=True):
            _draw_map(axes, plane, colouring, tested)
        line[0].set_ylabel(f"{plane.name}\n{plane.axes[1]}".strip(), fontsize=8)
    for axes, colouring in zip(grid[0], colourings, strict=True):
        axes.set_title(colouring.title, fontsize=10)
    return figure_png(figure)


def _draw_map(
    axes: Axes, plane: Plane, colouring: Colouring, tested: npt.NDArray[np.bool_]
) -> None:
    unknown = np.isnan(colouring.numbers)
    colours = _colours(colouring)
    for test in (False, True):
        shown = tested == test
        area, rim = (_LARGE, 0.5) if test else (_SMALL, 0.0)
        x, y = plane.places[shown].T
        axes.scatter(x, y, s=area, c=colours[shown], edgecolors="black", linewidths=rim)
    if not colouring.names:
        scale = ScalarMappable(_range(colouring), "viridis")
        bar = axes.figure.colorbar(scale, ax=axes, shrink=0.8)
        bar.ax.tick_params(labelsize=7)
    axes.legend(handles=_keys(colouring, unknown), fontsize=6, loc="best", framealpha=0.7)
    axes.set_xlabel(plane.axes[0], fontsize=8)
    axes.set_xticks([])
    axes.set_yticks([])


def _colours(colouring: Colouring) -> npt.NDArray[np.float64]:
    """Return the (N, 4) colours of points."""
    colours = np.tile(to_rgba(_UNKNOWN), (len(colouring.numbers), 1))
    known = ~np.isnan(colouring.numbers)
    if colouring.names:
        names = [to_rgba(_colour(int(number))) for number in colouring.numbers[known]]
        colours[known] = np.reshape(names, (-1, 4))
    else:
        colours[known] = colormaps["viridis"](_range(colouring)(colouring.numbers[known]))
    return colours


def _range(colouring: Colouring) -> Normalize:
    return Normalize(float(np.nanmin(colouring.numbers)), float(np.nanmax(colouring.numbers)))


def _keys(colouring: Colouring, unknown: npt.NDArray[np.bool_]) -> list[Line2D]:
    def key(name: str, colour: str, rim: float) -> Line2D:
        return Line2D(
            [], [], ls="", marker="o", ms=5 if rim else 3.5, mfc=colour, mec="black",
            mew=rim, label=name,
        )  # fmt: skip

    keys = [key(name, _colour(place), 0.0) for place, name in enumerate(colouring.names)]
    if unknown.any():
        keys.append(key("not known", _UNKNOWN, 0.0))
    return [*keys, key("training", _RIMMED, 0.0), key("test", _RIMMED, 0.8)]


def _colour(place: int) -> str:
    return _COLOURS[place] if place < len(_COLOURS) else _OTHERS
