"""All parameters beside each other, a trial a line."""

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, Normalize, to_hex

from mrigen.data.survey.canvas import literal, new_figure, to_png
from mrigen.tuning.config import SearchConfig, Value
from mrigen.tuning.figures.marks import (
    BLUE,
    GREEN,
    ORANGE,
    add_legend,
    objective_label,
    score_limits,
)
from mrigen.tuning.figures.scales import Scale, parameter_scales
from mrigen.tuning.records import StudyRecord, TrialRecord
from mrigen.tuning.wording import spoken_score, spoken_value

_AXIS = 1.5  # inches from axis to axis
_HEIGHT = 3.9
_ABSENT = -0.16  # where a line passes a parameter that its trial does not have
_MOST_NAMES = 6  # of a choice at its axis
_GOOD_TO_BAD = LinearSegmentedColormap.from_list("score", [BLUE, "#c4d3e0"])


def parallel_figure(record: StudyRecord, search: SearchConfig) -> bytes:
    """Draw each complete trial, at least one, as a line through its parameters to its score."""
    complete = sorted(record.complete, key=lambda trial: -trial.values[0])
    scales = parameter_scales(complete, search)
    scores = [trial.values[0] for trial in complete]
    norm = Normalize(scores[-1], min(scores[0], score_limits(scores)[1]), clip=True)
    figure, (axes,) = new_figure(1, 1, panel=(_AXIS * (len(scales) + 1), _HEIGHT))
    for trial in complete:
        places = [
            scale.share(trial.params[scale.path]) if scale.path in trial.params else _ABSENT
            for scale in scales
        ]
        height = float(norm(trial.values[0])) if scores[0] > scores[-1] else 0.5
        _draw_line(axes, record, trial, [*places, height])
    for place, scale in enumerate(scales):
        absent = any(scale.path not in trial.params for trial in complete)
        _draw_axis(axes, place, scale, absent=absent)
    ends = [(0.0, spoken_score(scores[-1])), (1.0, spoken_score(norm.vmax or scores[0]))]
    _draw_ticks(axes, len(scales), ends)
    names = [literal(scale.label) for scale in scales]
    axes.set_xticks(range(len(scales) + 1), [*names, objective_label(record.objectives[0])])
    _strip(axes, len(scales))
    add_legend(figure, [axes])
    return to_png(figure)


def _draw_line(
    axes: Axes, record: StudyRecord, trial: TrialRecord, places: Sequence[float]
) -> None:
    label, colour, width = "complete, darker is better", to_hex(_GOOD_TO_BAD(places[-1])), 1.0
    if trial is record.best:
        label, colour, width = "best", GREEN, 2.6
    elif trial.baseline:
        label, colour, width = "baseline", ORANGE, 2.2
    axes.plot(
        *(range(len(places)), places),
        color=colour,
        linewidth=width,
        linestyle="--" if trial.baseline else "-",
        label=label,
        zorder=3 if width > 1 else 2,
    )


def _draw_axis(axes: Axes, place: int, scale: Scale, *, absent: bool) -> None:
    ticks = [(scale.share(value), spoken_value(value)) for value in _shown(scale)]
    if absent:
        ticks.append((_ABSENT, "none"))
    _draw_ticks(axes, place, ticks)


def _shown(scale: Scale) -> Sequence[Value]:
    if scale.choices:
        step = -(-len(scale.choices) // _MOST_NAMES)
        return scale.choices[::step]
    whole = scale.low.is_integer() and scale.high.is_integer()
    return [int(end) if whole else end for end in (scale.low, scale.high)]


def _draw_ticks(axes: Axes, place: int, ticks: Sequence[tuple[float, str]]) -> None:
    low = min(0.0, *(height for height, _ in ticks))
    axes.vlines(place, low, 1, color="#444", linewidth=0.8, zorder=4)
    for height, name in ticks:
        axes.annotate(
            *(literal(name), (place, height), (4, 0)),
            textcoords="offset points", fontsize=8, va="center", zorder=5,
            bbox={"fc": "white", "ec": "none", "pad": 0.6, "alpha": 0.75},
        )  # fmt: skip


def _strip(axes: Axes, last: int) -> None:
    axes.set_xlim(-0.15, last + 0.45)
    axes.set_ylim(_ABSENT - 0.06, 1.05)
    axes.set_yticks([])
    axes.spines[["left", "bottom"]].set_visible(False)
    axes.tick_params(axis="x", length=0, labelsize=8.5)
    axes.grid(visible=False)
