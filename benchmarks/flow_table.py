"""The table, the ratios and the pictures of `flow_comparison.py`."""

import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from flow_judging import Numbers
from flow_results import Result
from matplotlib.figure import Figure

from mrigen.atomic import atomic_file
from mrigen.evaluation.figures import DPI, TILE, figure_png, show_image
from mrigen.images import contact_sheet, from_integers
from mrigen.metrics.intervals import Interval

_COLUMNS = (
    "contender", "Fréchet distance", "ratio to the floor", "kernel distance", "precision",
    "recall", "density", "coverage", "copied", "images trained", "parameters", "seconds",
    "drawing 64, s",
)  # fmt: skip
_NEIGHBOURHOODS = ("precision", "recall", "density", "coverage")

_SHOWN = 10  # images of each contender


class Row(NamedTuple):
    """A contender in one of its ways to draw; without numbers if it diverged."""

    name: str
    way: str
    result: Result
    numbers: Numbers

    @property
    def label(self) -> str:
        """Stands in the table."""
        return ", ".join(filter(None, (self.name, self.way)))


class Standing(NamedTuple):
    """One contender against the best of others, which has the smallest Fréchet distance.

    Attributes
    ----------
    best
        Its name.
    frechet, kernel
        The contender's distance over that of the best; below 1 is better.
    recall, coverage
        Its shares less those of the best; above 0 is better.
    """

    best: str
    frechet: float
    kernel: float
    recall: float
    coverage: float

    @property
    def agrees(self) -> bool:
        """Whether all measures say the same of who is better."""
        sides = {self.frechet < 1, self.kernel < 1, self.recall > 0, self.coverage > 0}
        return len(sides) == 1


def standing(own: Mapping[str, float], others: Mapping[str, Mapping[str, float]]) -> Standing:
    """Compare numbers of an evaluation, by their names, with those of others.

    Parameters
    ----------
    own
        Of the contender.
    others
        Of the others by name, at least one.
    """
    best = min(others, key=lambda name: others[name]["frechet_distance"])
    rival = others[best]
    return Standing(
        best,
        _ratio(own["frechet_distance"], rival["frechet_distance"]),
        _ratio(own["kernel_distance"], rival["kernel_distance"]),
        own.get("recall", math.nan) - rival.get("recall", math.nan),
        own.get("coverage", math.nan) - rival.get("coverage", math.nan),
    )


def _ratio(own: float, other: float) -> float:
    # A kernel distance may be below zero, of which there is no ratio.
    return own / other if other > 0 else math.nan


def table(rows: Iterable[Row]) -> str:
    """Return the table, with real training slices as its first row."""
    rows = list(rows)
    lines = [" | ".join(_COLUMNS), "|".join(["---"] * len(_COLUMNS))]
    judged = next((row.numbers for row in rows if row.numbers), None)
    if judged is not None:
        lines.append(" | ".join(_real_cells(judged)))
    lines += [" | ".join(_cells(row)) for row in rows]
    return "\n".join(f"| {line} |" if "---|" not in line else f"|{line}|" for line in lines)


def _real_cells(numbers: Numbers) -> list[str]:
    cells = ["real training slices", _with_ends(numbers.get("frechet_floor"), ".1f"), "1"]
    cells.append(_alone(numbers.get("kernel_floor"), ".4f"))
    cells += [_alone(numbers.get(f"{name}_of_real"), ".2f") for name in _NEIGHBOURHOODS]
    cells.append(_alone(numbers.get("copied_share_of_real"), ".3f"))
    return cells + [""] * (len(_COLUMNS) - len(cells))


def _cells(row: Row) -> list[str]:
    numbers, result = row.numbers, row.result
    if result.failure is not None:
        return [row.label, result.failure, *[""] * (len(_COLUMNS) - 2)]
    cells = [row.label, _with_ends(numbers.get("frechet_distance"), ".1f")]
    cells.append(_with_ends(numbers.get("frechet_ratio"), ".1f"))
    cells.append(_alone(numbers.get("kernel_distance"), ".4f"))
    cells += [_alone(numbers.get(name), ".2f") for name in _NEIGHBOURHOODS]
    cells.append(_with_ends(numbers.get("copied_share"), ".3f"))
    cells += [f"{result.images:,}", f"{result.parameters:,}", f"{result.seconds:.0f}"]
    return [*cells, f"{result.draw_seconds[row.way]:.2f}"]


def _alone(interval: Interval | None, form: str) -> str:
    return "" if interval is None else format(interval.value, form)


def _with_ends(interval: Interval | None, form: str) -> str:
    if interval is None or interval.low is None or interval.high is None:
        return _alone(interval, form)
    return f"{interval.value:{form}} ({interval.low:{form}} to {interval.high:{form}})"


def in_words(name: str, against: str, found: Standing) -> str:
    """Say how a contender stands."""
    accord = "all four agree" if found.agrees else "the four do not agree"
    return (
        f"{name} against {found.best}, the best of {against}: Fréchet distance "
        f"{found.frechet:.3f} times, kernel distance {found.kernel:.3f} times; recall "
        f"{found.recall:+.3f}, coverage {found.coverage:+.3f}; {accord}."
    )


def plain(numbers: Numbers) -> dict[str, Any]:
    """Return numbers for a file: the value, or the value with both ends of its interval."""
    return {name: each.value if each.low is None else list(each) for name, each in numbers.items()}


def write_sheet(path: Path, drawn: Mapping[str, npt.NDArray[np.integer]]) -> None:
    """Draw some images of each set, evenly over it, in a line of its own with its name."""
    figure = Figure((_SHOWN * TILE, len(drawn) * (TILE + 0.25)), DPI, layout="constrained")
    panels = figure.subplots(len(drawn), 1, squeeze=False)[:, 0]
    for axes, (label, images) in zip(panels, drawn.items(), strict=True):
        # Evenly, since a mixture may hand out its images component by component.
        shown = images[:: max(1, len(images) // _SHOWN)][:_SHOWN]
        show_image(axes, contact_sheet(from_integers(shown), columns=_SHOWN))
        axes.set_title(label, fontsize=9, loc="left")
    with atomic_file(path) as part:
        part.write_bytes(figure_png(figure))
