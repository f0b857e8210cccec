"""Scores against parameters, one panel each."""

from matplotlib.axes import Axes
from matplotlib.ticker import (
    FuncFormatter,
    Locator,
    LogLocator,
    MaxNLocator,
    MultipleLocator,
    NullFormatter,
)

from mrigen.data.survey.canvas import literal, name_axes, new_figure, to_png
from mrigen.tuning.config import SearchConfig
from mrigen.tuning.figures.marks import (
    add_legend,
    draw_baseline,
    draw_marks,
    objective_label,
    score_limits,
)
from mrigen.tuning.figures.scales import Scale, parameter_scales
from mrigen.tuning.records import StudyRecord, TrialRecord, TrialState
from mrigen.tuning.wording import spoken_value

_COLUMNS = 3
_PANEL = (3.3, 2.6)  # inches
_MOST_NAMES = 8  # of a choice at an axis
_MOST_LETTERS = 12
# Trials with the same choice stand beside each other, by their numbers.
_SPREAD, _GOLDEN = 0.36, 0.618034


def parameters_figure(record: StudyRecord, search: SearchConfig) -> bytes:
    """Draw the scores of complete trials against each parameter, and where trials failed.

    Scores of pruned trials are of earlier epochs, so they are left out.
    """
    scales = parameter_scales(record.counted, search)
    columns = min(_COLUMNS, len(scales))
    figure, panels = new_figure(-(-len(scales) // columns), columns, panel=_PANEL)
    limits = score_limits(trial.values[0] for trial in record.complete)
    for place, (axes, scale) in enumerate(zip(panels, scales, strict=False)):
        _draw(axes, record, scale, limits)
        label = objective_label(record.objectives[0]) if place % columns == 0 else ""
        name_axes(axes, "", x=literal(scale.label), y=label)
    for axes in panels[len(scales) :]:
        axes.set_axis_off()
    add_legend(figure, panels)
    return to_png(figure)


def _draw(axes: Axes, record: StudyRecord, scale: Scale, limits: tuple[float, float]) -> None:
    trials = [
        trial
        for trial in record.counted
        if scale.path in trial.params and trial.state in {TrialState.COMPLETE, TrialState.FAILED}
    ]
    _set_axis(axes, scale)

    def place(trial: TrialRecord) -> float:
        at = scale.place(trial.params[scale.path])
        aside = (trial.number * _GOLDEN % 1 - 0.5) * _SPREAD
        return at + aside if scale.choices else at

    draw_marks(axes, record, trials, place, limits)
    draw_baseline(axes, record)


def _set_axis(axes: Axes, scale: Scale) -> None:
    if scale.choices:
        axes.set_xlim(-0.5, len(scale.choices) - 0.5)
        names = [_shortened(spoken_value(choice)) for choice in scale.choices]
        if len(names) <= _MOST_NAMES:
            axes.set_xticks(range(len(names)), names)
            axes.tick_params(axis="x", rotation=30 if sum(map(len, names)) > 30 else 0)
        return
    if scale.log:
        axes.set_xscale("log")
        room = (scale.high / scale.low) ** 0.04
        axes.set_xlim(scale.low / room, scale.high * room)
        axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        axes.xaxis.set_minor_formatter(NullFormatter())
    else:
        room = 0.04 * ((scale.high - scale.low) or 1.0)
        axes.set_xlim(scale.low - room, scale.high + room)
        axes.xaxis.set_major_locator(_locator(scale))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))


def _locator(scale: Scale) -> Locator:
    if scale.step is None:
        return MaxNLocator(6)
    apart = scale.step * -(-(scale.high - scale.low) // (_MOST_NAMES * scale.step))
    return MultipleLocator(apart, offset=scale.low)


def _shortened(name: str) -> str:
    return literal(name if len(name) <= _MOST_LETTERS else f"{name[: _MOST_LETTERS - 1]}…")
