"""All pictures of a study, with words for those who cannot see them."""

from collections.abc import Iterator

from mrigen.page.document import Picture
from mrigen.tuning.config import SearchConfig
from mrigen.tuning.figures.front import front_figure
from mrigen.tuning.figures.history import curves_figure, has_curves, history_figure
from mrigen.tuning.figures.importances import (
    LEAST_TRIALS,
    importances_figure,
    parameter_importances,
)
from mrigen.tuning.figures.marks import objective_label, score_limits
from mrigen.tuning.figures.parallel import parallel_figure
from mrigen.tuning.figures.parameters import parameters_figure
from mrigen.tuning.records import StudyRecord, TrialState
from mrigen.tuning.wording import short_names


def study_pictures(record: StudyRecord, search: SearchConfig) -> dict[str, Picture]:
    """Draw what there is to draw, by the names of the files.

    Parameters
    ----------
    record
        The study.
    search
        The space it searched.
    """
    return dict(_pictures(record, search))


def missing_pictures(record: StudyRecord) -> list[str]:
    """Say in sentences which pictures there are not, and why."""
    if not record.complete:
        return ["There is nothing to draw against parameters until a trial is complete."]
    count = len(record.complete)
    if count < LEAST_TRIALS:
        return [
            f"How much each parameter matters is told from {LEAST_TRIALS} complete trials on; "
            f"there {'is' if count == 1 else 'are'} {count}."
        ]
    return []


def _pictures(record: StudyRecord, search: SearchConfig) -> Iterator[tuple[str, Picture]]:
    if not any(trial.values or trial.looks for trial in record.trials):
        return
    score = objective_label(record.objectives[0])
    if len(record.objectives) > 1 and record.complete:
        yield "front", Picture("Score and time", _front_words(record), front_figure(record))
    yield "history", Picture("Trial by trial", _history_words(record), history_figure(record))
    if record.complete:
        words = f"{score} against each parameter, a mark for each complete trial that has it."
        words = " ".join([words, *_edge_words(record)])
        yield "parameters", Picture("By parameter", words, parameters_figure(record, search))
        words = (
            "Each line is a complete trial, through its parameters to its score at the right; "
            "'none' is for those without that parameter."
        )
        yield "parallel", Picture("All parameters", words, parallel_figure(record, search))
    importances = parameter_importances(record, search)
    if importances:
        words = _importance_words(importances)
        yield "importances", Picture("What matters", words, importances_figure(importances))
    if has_curves(record):
        words = f"{score} within each trial, at the epochs at which it was looked at."
        yield "curves", Picture("From look to look", words, curves_figure(record))


def _history_words(record: StudyRecord) -> str:
    score = objective_label(record.objectives[0])
    words = [f"{score} on validation subjects by number of trial, lower is better."]
    if any(trial.state is TrialState.PRUNED for trial in record.trials):
        words.append("Grey rings are pruned trials, with the score at which they were given up.")
    return " ".join([*words, *_edge_words(record)])


def _edge_words(record: StudyRecord) -> Iterator[str]:
    if record.baseline is not None:
        yield "The dashed line is the baseline."
    scores = [trial.values[0] for trial in record.complete]
    if scores and max(scores) > score_limits(scores)[1]:
        yield "Triangles at the upper edge are scores far above the others."
    if any(trial.state is TrialState.FAILED for trial in record.trials):
        yield "Crosses at the upper edge are trials that failed, which have no score."


def _front_words(record: StudyRecord) -> str:
    numbers = ", ".join(str(trial.number) for trial in record.front)
    return (
        "Complete trials by score and seconds of training. No other trial is better in both than "
        f"those on the line: {numbers}. Seconds compare only where trials ran on the same machine."
    )


def _importance_words(importances: dict[str, float]) -> str:
    names = short_names(importances)
    shares = ", ".join(f"{names[path]} {share:.0%}" for path, share in importances.items())
    return (
        "How much of the differences between scores each parameter explains by itself (fANOVA): "
        f"{shares}. A guess: chance alone can give one parameter half of it."
    )
