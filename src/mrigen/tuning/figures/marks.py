"""How trials are marked in the figures of a study: by their end, baseline and best apart."""

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mrigen.data.survey.canvas import COLOURS
from mrigen.tuning.records import StudyRecord, TrialRecord, TrialState

BLUE, ORANGE, GREEN, PURPLE, *_, GREY = COLOURS
DARK = "#333333"

_LABELS = {
    "frechet_distance": "Fréchet distance",
    "kernel_distance": "kernel distance",
    "dssim": "DSSIM",
    "mse": "mean squared error",
    "seconds": "seconds of training",
}
# Scores further from the best than this many times the spread of the better ones are drawn at the
# edge: one bad trial would flatten all others.
_FAR = 4.0
_FEW = 4
_MARGIN = 0.07


class Mark(NamedTuple):
    """A shape with what it means."""

    label: str
    shape: str
    colour: str
    size: float
    hollow: bool = False


BEST = Mark("best", "*", GREEN, 12)
BASELINE = Mark("baseline", "D", ORANGE, 6.5)
COMPLETE = Mark("complete", "o", BLUE, 5)
PRUNED = Mark("pruned: its last look", "o", GREY, 4.5, hollow=True)
RUNNING = Mark("running: its last look", "o", BLUE, 4.5, hollow=True)
FAILED = Mark("failed", "x", DARK, 6)
_ABOVE = "^"
_LEGEND_ENTRY = 1.75  # inches


def objective_label(name: str) -> str:
    """Write the name of an objective for people."""
    return _LABELS.get(name, name.replace("_", " "))


def mark_of(trial: TrialRecord, record: StudyRecord) -> Mark | None:
    """Return how a trial is marked; None for those that are not drawn."""
    if trial.state is TrialState.COMPLETE:
        if trial.baseline:
            return BASELINE
        return BEST if trial is record.best else COMPLETE
    return {
        TrialState.PRUNED: PRUNED,
        TrialState.RUNNING: RUNNING,
        TrialState.FAILED: FAILED,
    }.get(trial.state)


def shown_score(trial: TrialRecord) -> float | None:
    """Return the score of a complete trial, the last look of any other that had one."""
    if trial.values:
        return trial.values[0]
    return trial.looks[max(trial.looks)] if trial.looks else None


def score_limits(scores: Iterable[float]) -> tuple[float, float]:
    """Return the range in which scores are drawn: all but those far behind.

    Examples
    --------
    >>> low, high = score_limits([3.0, 2.0, 2.5, 2.6, 900.0])
    >>> low < 2.0, 3.0 < high < 4.0
    (True, True)
    """
    found = np.sort([score for score in scores if np.isfinite(score)])
    if not len(found):
        return 0.0, 1.0
    low, high = float(found[0]), float(found[-1])
    spread = float(np.quantile(found, 0.6)) - low
    if len(found) >= _FEW and spread > 0:
        high = float(found[found <= low + _FAR * spread][-1])
    margin = _MARGIN * ((high - low) or abs(low) or 1.0)
    return low - margin, high + margin


def draw_marks(
    axes: Axes,
    record: StudyRecord,
    trials: Sequence[TrialRecord],
    place: Callable[[TrialRecord], float],
    limits: tuple[float, float],
) -> None:
    """Draw trials with their scores upward; those above the limits as triangles at the edge.

    Trials that failed have no score: they stand at the upper edge.
    """
    axes.set_ylim(*limits)
    found: dict[tuple[Mark, str], list[tuple[float, float]]] = {}
    for trial in trials:
        mark, score = mark_of(trial, record), shown_score(trial)
        if mark is FAILED:
            found.setdefault((mark, mark.shape), []).append((place(trial), limits[1]))
        elif mark is not None and score is not None:
            shape = _ABOVE if score > limits[1] else mark.shape
            found.setdefault((mark, shape), []).append((place(trial), min(score, limits[1])))
    for (mark, shape), points in found.items():
        _draw(axes, points, mark, shape)


def draw_baseline(axes: Axes, record: StudyRecord) -> None:
    """Draw the score of the baseline as a line, if it is known."""
    if record.baseline is not None:
        axes.axhline(record.baseline.values[0], color=ORANGE, linestyle="--", linewidth=1)


def _draw(axes: Axes, points: Sequence[tuple[float, float]], mark: Mark, shape: str) -> None:
    axes.plot(
        *(*zip(*points, strict=True), shape),
        markersize=mark.size,
        markeredgecolor=mark.colour,
        markerfacecolor="none" if mark.hollow else mark.colour,
        linestyle="none",
        alpha=0.85,
        clip_on=False,
        label=mark.label if shape == mark.shape else None,
        zorder=4 if mark in {BEST, BASELINE} else 3,
    )


def add_legend(figure: Figure, panels: Sequence[Axes]) -> None:
    """Show what shapes and lines mean, each once, above the panels."""
    handles = {
        label: handle
        for axes in panels
        for handle, label in zip(*axes.get_legend_handles_labels(), strict=True)
    }
    width = figure.get_size_inches()[0]
    figure.legend(
        *(list(handles.values()), list(handles)),
        fontsize=8,
        loc="outside upper left",
        ncols=max(1, int(width / _LEGEND_ENTRY)),
        frameon=False,
    )
