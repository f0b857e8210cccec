"""A study as one page that opens from disk."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from mrigen import __version__
from mrigen.page.document import Picture, render_page
from mrigen.tuning.config import SearchConfig
from mrigen.tuning.figures.marks import objective_label
from mrigen.tuning.figures.pictures import missing_pictures
from mrigen.tuning.figures.scales import parameter_scales
from mrigen.tuning.page_tables import NOTHING, parameter_table, trial_line
from mrigen.tuning.records import StudyRecord, TrialState
from mrigen.tuning.tables import parameter_paths
from mrigen.tuning.wording import (
    in_short,
    short_names,
    spoken_duration,
    spoken_value,
)

_MOST_REASONS = 5
_AT_END = 0.04  # of a range


@dataclass(frozen=True)
class StudyPage:
    """What the page of a study speaks of.

    Attributes
    ----------
    record
        The study.
    search
        The space it searched.
    pictures
        By the names of their files.
    present
        What stands in `params.yaml` now at the searched paths that are there.
    confirmation
        Sentences of trainings with other seeds; empty if there were none.
    """

    record: StudyRecord
    search: SearchConfig
    pictures: Mapping[str, Picture]
    present: Mapping[str, object] = field(default_factory=dict)
    confirmation: Sequence[str] = ()


def render_study(page: StudyPage) -> str:
    """Return the page as one HTML document; the same study gives the same bytes."""
    record = page.record
    paths = parameter_paths(record.trials)
    names = short_names(paths)
    return render_page(
        "mrigen.tuning",
        "study.html.j2",
        record=record,
        short=in_short(record),
        notices=_notices(record),
        confirmation=page.confirmation,
        commands=_commands(record),
        remarks=[*_ends(page), *_failures(record)],
        compared=parameter_table(record, page.search, page.present),
        objectives=[objective_label(name) for name in record.objectives],
        names=[(path, names[path]) for path in paths],
        trials=[trial_line(trial, record, paths) for trial in record.trials],
        pictures=page.pictures.values(),
        missing=missing_pictures(record),
        facts=_facts(page),
        nothing=NOTHING,
    )


def _notices(record: StudyRecord) -> list[str]:
    unfinished = sum(trial.state.is_open for trial in record.trials)
    if not unfinished:
        return []
    trials = "1 trial had not ended" if unfinished == 1 else f"{unfinished} trials had not ended"
    return [f"{trials} when this page was made: 'mrigen tune report {record.model}' makes it anew."]


def _ends(page: StudyPage) -> list[str]:
    """Say which values of the best trial stand at an end of their range."""
    best = page.record.best
    if best is None:
        return []
    at_ends = [
        f"{scale.label} ({spoken_value(best.params[scale.path])})"
        for scale in parameter_scales([best], page.search)
        if not scale.choices and not _AT_END < scale.share(best.params[scale.path]) < 1 - _AT_END
    ]
    if not at_ends:
        return []
    return [
        f"The best one stands at an end of what was searched in {', '.join(at_ends)}: a wider "
        "range may hold better ones."
    ]


def _failures(record: StudyRecord) -> list[str]:
    """Say why trials failed, those with the same reason together, the most frequent first."""
    numbers: dict[str, list[int]] = {}
    for trial in record.trials:
        if trial.state is TrialState.FAILED:
            numbers.setdefault(trial.reason or "for no reason that is known", []).append(
                trial.number
            )
    sentences = []
    for reason, failed in sorted(numbers.items(), key=lambda each: -len(each[1]))[:_MOST_REASONS]:
        who = f"Trial{'s' if len(failed) > 1 else ''} {', '.join(map(str, failed))}"
        sentences.append(f"{who} failed: {reason}.")
    return sentences


def _commands(record: StudyRecord) -> list[str]:
    several = len(record.objectives) > 1
    if record.best is None or (record.best.baseline and not several):
        return []  # nothing to change
    chosen = f"{record.model} --trial NUMBER" if several else record.model
    lines = {
        f"mrigen tune confirm {chosen}": "is it better with other seeds, too?",
        f"mrigen tune promote {chosen}": "write it into params.yaml",
        "dvc repro": "train and judge the model anew",
    }
    width = max(map(len, lines))
    return [f"{command:{width}}  # {meaning}" for command, meaning in lines.items()]


def _facts(page: StudyPage) -> dict[str, str]:
    record = page.record
    started = [trial.started for trial in record.trials if trial.started]
    ended = [trial.ended for trial in record.trials if trial.ended]
    span = (max(ended) - min(started)).total_seconds() if started and ended else 0.0
    training = sum(trial.seconds or 0.0 for trial in record.trials)
    scoring = sum(trial.score_seconds or 0.0 for trial in record.trials)
    workers = {trial.worker for trial in record.trials if trial.worker}
    devices = dict.fromkeys(trial.device for trial in record.trials if trial.device)
    return {
        "Study": record.name,
        "Dataset": record.dataset,
        "Data fingerprint": record.data[:12],
        "Scored on": _scored_on(page),
        "Training in all": spoken_duration(training),
        "Measuring scores": spoken_duration(scoring),
        "From first to last": spoken_duration(span),
        "Worker processes": str(len(workers)),
        "Devices": ", ".join(devices) or NOTHING,
        "MLflow run": record.run or NOTHING,
        "mrigen": __version__,
    }


def _scored_on(page: StudyPage) -> str:
    slices = f"at most {page.search.slices:,} validation slices"
    if "distance" not in page.record.objectives[0]:
        return slices
    return f"{page.search.samples:,} generated images and {slices}"
