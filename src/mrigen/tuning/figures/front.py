"""Score and training time together: the trials that no other beats in both."""

from mrigen.data.survey.canvas import name_axes, new_figure, to_png
from mrigen.tuning.figures.marks import (
    PURPLE,
    add_legend,
    draw_marks,
    objective_label,
    score_limits,
)
from mrigen.tuning.records import StudyRecord

_PANEL = (7.2, 4.2)  # inches


def front_figure(record: StudyRecord) -> bytes:
    """Draw the score of complete trials, at least one, over the seconds of their training."""
    figure, (axes,) = new_figure(1, 1, panel=_PANEL)
    complete, front = record.complete, record.front
    limits = score_limits(trial.values[0] for trial in complete)
    draw_marks(axes, record, complete, lambda trial: trial.values[1], limits)
    by_time = sorted(front, key=lambda trial: trial.values[1])
    axes.step(
        *([trial.values[1] for trial in by_time], [trial.values[0] for trial in by_time]),
        where="post", color=PURPLE, linewidth=1.2, label="none is better in both", zorder=2,
    )  # fmt: skip
    for trial in front:
        axes.annotate(
            *(str(trial.number), (trial.values[1], trial.values[0]), (6, 5)),
            textcoords="offset points", fontsize=8, zorder=5,
        )  # fmt: skip
    axes.margins(x=0.06)
    score, seconds = (objective_label(name) for name in record.objectives)
    name_axes(axes, "", x=f"{seconds}, less is better", y=f"{score}, lower is better")
    add_legend(figure, [axes])
    return to_png(figure)
