"""Judge what generated slices are worth to a classifier, and whether one tells them from real."""

from collections import defaultdict
from collections.abc import Sequence

from mrigen.evaluation.case import Case
from mrigen.evaluation.judgement import Judgement, Row, Table
from mrigen.evaluation.usefulness.figures import confusion_figure, realness_figure
from mrigen.evaluation.usefulness.labels import UNKNOWN
from mrigen.evaluation.usefulness.telling_apart import (
    Apart,
    apart_rows,
    draw_pixels,
    tell_apart,
    tell_real_apart,
)
from mrigen.evaluation.usefulness.trials import Lesson, Trial, read_lesson, try_task
from mrigen.metrics.intervals import MIN_SUBJECTS
from mrigen.page.document import Picture

_SHOWN = 10  # generated slices in a row

_BORROWED = (
    "Generated slices carry no labels of {tasks}: those that classifiers learned from were given "
    "to them by the classifier of real slices. A classifier of generated slices alone therefore "
    "repeats its teacher, with its errors, and can be better only by being less sure of single "
    "slices; a gain by adding generated slices is a gain by augmentation, not by new knowledge."
)
_TOLD = (
    "Generated slices carry labels of {tasks}: what the network was told of each when it drew it, "
    "as known of a training slice; where nothing was, the classifier of real slices labels them. A "
    "classifier of generated slices alone shows how well the network draws what it is told."
)
_LUCK = (
    "The intervals of what classifiers learn are over test subjects and hold no luck of training: "
    "'repeats' averages over it."
)
_TOO_FEW = (
    "What generated slices are worth for '{task}' has no interval: fewer than {count} test "
    "subjects have one of its classes. Take its numbers for examples."
)


def judge_usefulness(case: Case) -> Judgement:
    """Judge a network that makes images from noise; anything else is judged by nothing."""
    judgement, settings = Judgement(), case.config.usefulness
    if case.sampler is None or settings is None:
        return judgement
    learned, asked = map(len, apart_rows(case, settings))
    made = draw_pixels(case, learned + asked)
    lines, sources = [], defaultdict[str, list[str]](list)
    for task in settings.tasks:
        lesson = read_lesson(case, settings, task)
        if isinstance(lesson, Lesson):
            trials, remarks = try_task(case, settings, lesson, made[: len(lesson.train.labels)])
            judgement.remarks += remarks
            _put_task(judgement, trials, case.seed)
            if f"{task}/useful_gain_low" not in judgement.metrics:
                judgement.remarks.append(_TOO_FEW.format(task=task, count=MIN_SUBJECTS))
            lines.append(trials)
            borrowed = (lesson.told == UNKNOWN).all()
            sources[_BORROWED if borrowed else _TOLD].append(f"'{task}'")
        else:
            judgement.remarks.append(lesson)
    for words, tasks in sources.items():
        judgement.remarks.append(words.format(tasks=" and ".join(tasks)))
    if lines:
        judgement.remarks.append(_LUCK)
    apart = tell_apart(case, settings, made)
    judgement.put("told_apart", apart.trial.score(case.seed))
    lines.append([apart.trial])
    floor = tell_real_apart(case, settings)
    if isinstance(floor, Trial):
        judgement.metrics["told_apart_of_real"] = floor.score(case.seed).value
        lines[-1].append(floor)
    else:
        judgement.remarks.append(floor)
    _tabulate(judgement, lines, case.seed)
    _draw(judgement, lines, apart)
    return judgement


def _put_task(judgement: Judgement, trials: Sequence[Trial], seed: int) -> None:
    named = {trial.trained_on: trial for trial in trials}
    for name, trial in named.items():
        judgement.put(f"{trial.task}/useful_{name}", trial.score(seed))
    gain = named["both"].gain(named["real"], seed)
    judgement.put(f"{named['both'].task}/useful_gain", gain)


def _tabulate(judgement: Judgement, lines: Sequence[Sequence[Trial]], seed: int) -> None:
    rows: list[Row] = []
    cells: list[Row] = []
    for trials in lines:
        for trial in trials:
            rows.append(_score_row(trial, trials[0], seed))
            cells += _confusion_rows(trial)
    judgement.tables["usefulness"] = Table(
        "What a classifier learns from generated slices",
        "Balanced accuracy on real test subjects of a small classifier that learned from real "
        "training slices, from generated ones, or from both, with its 95 % interval over test "
        "subjects; 'gain' is the paired difference to the one that learned from real slices. "
        "Last, telling real from generated slices (0.5 is guessing), and telling two groups of "
        "real people apart, which shows how far chance strays from 0.5 with so few of them.",
        [
            *("task", "trained_on", "real_slices", "generated_slices", "test_slices"),
            *("test_subjects", "chance", "balanced_accuracy", "low", "high"),
            *("gain", "gain_low", "gain_high"),
        ],
        rows,
    )
    judgement.tables["usefulness_confusion"] = Table(
        "What each class is taken for",
        "Test slices by their true class and the answer of the classifier, the mean over its "
        "'repeats'; 'share' is of the slices of the true class.",
        ["task", "trained_on", "true", "taken_for", "slices", "share"],
        cells,
    )


def _score_row(trial: Trial, first: Trial, seed: int) -> Row:
    score = trial.score(seed)
    row: dict[str, str | int | float | None] = {
        "task": trial.task,
        "trained_on": trial.trained_on,
        "real_slices": trial.real,
        "generated_slices": trial.generated,
        "test_slices": len(trial.truth),
        "test_subjects": trial.people,
        "chance": 1 / len(trial.classes),
        "balanced_accuracy": score.value,
        "low": score.low,
        "high": score.high,
    }
    if first.trained_on == "real" and trial is not first:
        gain = trial.gain(first, seed)
        row |= {"gain": gain.value, "gain_low": gain.low, "gain_high": gain.high}
    return row


def _confusion_rows(trial: Trial) -> list[Row]:
    counts = trial.confusion()
    return [
        {
            "task": trial.task,
            "trained_on": trial.trained_on,
            "true": trial.classes[true],
            "taken_for": trial.classes[answer],
            "slices": float(counts[true, answer]),
            "share": float(counts[true, answer] / counts[true].sum()),
        }
        for true in range(len(counts))
        for answer in range(len(counts))
    ]


def _draw(judgement: Judgement, lines: Sequence[Sequence[Trial]], apart: Apart) -> None:
    judgement.pictures["usefulness_confusion"] = Picture(
        "What each class is taken for",
        "One task a line, one matrix for each kind of slices that the classifier learned from: "
        "test slices by what they are, from top to bottom, and what they are taken for, from left "
        "to right, as shares of a line and as counts. A good classifier is dark on the diagonal. "
        "In the last line that is bad news: there, generated slices are told from real ones.",
        confusion_figure(lines),
    )
    judgement.pictures["usefulness_realness"] = Picture(
        "What a classifier takes for real",
        "Generated slices that nothing was learned from. Above, those that the classifier takes "
        "for real most readily; below, those that it is surest are not. The percentage is its own "
        "confidence.",
        realness_figure(apart.generated, apart.realness, count=_SHOWN),
    )
