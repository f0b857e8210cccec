"""Scores over a study: trial by trial, and within trials from look to look."""

from itertools import accumulate

from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator, NullLocator, ScalarFormatter

from mrigen.data.survey.canvas import name_axes, new_figure, to_png
from mrigen.tuning.figures.marks import (
    BASELINE,
    BEST,
    GREEN,
    add_legend,
    draw_baseline,
    draw_marks,
    mark_of,
    objective_label,
    score_limits,
    shown_score,
)
from mrigen.tuning.records import StudyRecord, TrialRecord, TrialState

_PANEL = (7.2, 3.7)  # inches
_WIDE_SPAN = 4  # epochs of looks that span more are shown by orders of magnitude


def history_figure(record: StudyRecord) -> bytes:
    """Draw the score of each trial, the best so far, and the baseline as a line."""
    figure, (axes,) = new_figure(1, 1, panel=_PANEL)
    trials = record.counted
    scores = [score for trial in trials if (score := shown_score(trial)) is not None]
    draw_marks(axes, record, trials, lambda trial: float(trial.number), score_limits(scores))
    _draw_best_so_far(axes, record)
    draw_baseline(axes, record)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    name_axes(axes, "", x="trial", y=f"{objective_label(record.objectives[0])}, lower is better")
    add_legend(figure, [axes])
    return to_png(figure)


def has_curves(record: StudyRecord) -> bool:
    """Whether scores were looked at while trials were trained."""
    return any(len(trial.looks) > 1 for trial in record.trials)


def curves_figure(record: StudyRecord) -> bytes:
    """Draw the scores of the looks within each trial, over epochs."""
    figure, (axes,) = new_figure(1, 1, panel=_PANEL)
    looked = [trial for trial in record.counted if trial.looks]
    scores = [score for trial in looked for score in trial.looks.values()]
    axes.set_ylim(*score_limits(scores))
    for trial in sorted(looked, key=lambda each: (each is record.best, each.baseline)):
        _draw_curve(axes, record, trial)
    epochs = sorted({epoch for trial in looked for epoch in trial.looks})
    if epochs[-1] > _WIDE_SPAN * epochs[0]:
        axes.set_xscale("log")
        axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xticks(epochs)
    axes.xaxis.set_major_formatter(ScalarFormatter())
    name_axes(axes, "", x="epoch", y=f"{objective_label(record.objectives[0])}, lower is better")
    add_legend(figure, [axes])
    return to_png(figure)


def _draw_best_so_far(axes: Axes, record: StudyRecord) -> None:
    complete = record.complete
    if not complete:
        return
    best = list(accumulate((trial.values[0] for trial in complete), min))
    numbers = [trial.number for trial in complete]
    last = max(trial.number for trial in record.trials)
    axes.step(
        *([*numbers, last], [*best, best[-1]]),
        where="post", color=GREEN, linewidth=1.2, label="best so far", zorder=2,
    )  # fmt: skip


def _draw_curve(axes: Axes, record: StudyRecord, trial: TrialRecord) -> None:
    mark = mark_of(trial, record)
    if mark is None:
        return
    named, full = mark in {BEST, BASELINE}, trial.state is TrialState.COMPLETE
    axes.plot(
        *(list(trial.looks), list(trial.looks.values())),
        color=mark.colour,
        linewidth=2.0 if named else 0.9,
        linestyle="-" if full else "--",
        marker=mark.shape if named or not full else ".",
        markersize=mark.size - 1 if named else 4,
        markerfacecolor="none" if mark.hollow else mark.colour,
        alpha=1.0 if named else 0.6,
        label=mark.label if full else trial.state.value,
        zorder=4 if named else 2,
    )
