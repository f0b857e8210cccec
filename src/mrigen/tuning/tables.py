"""A study as tables: a line a trial, and everything as JSON."""

import csv
import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from enum import Enum
from io import StringIO

from mrigen import __version__
from mrigen.tuning.config import SearchConfig, Value
from mrigen.tuning.records import StudyRecord, TrialRecord
from mrigen.tuning.wording import spoken_value

_FIRST = ("trial", "state", "baseline", "retry_of")
_LAST = (
    "training_seconds", "score_seconds", "last_look", "last_look_epoch", "reason", "device",
    "worker", "run", "started", "ended",
)  # fmt: skip


def trials_csv(record: StudyRecord) -> str:
    """Return a line for each trial, lost ones too; empty fields for what it does not have."""
    paths = parameter_paths(record.trials)
    columns = [*_FIRST, *record.objectives, *paths, *_LAST]
    text = StringIO()
    writer = csv.DictWriter(text, columns, restval="", lineterminator="\n")
    writer.writeheader()
    for trial in record.trials:
        params = {path: _exact(value) for path, value in trial.params.items()}
        values = dict(zip(record.objectives, trial.values, strict=False))
        writer.writerow(_facts(trial) | values | params)
    return text.getvalue()


def study_json(record: StudyRecord, search: SearchConfig) -> str:
    """Return all of a study, with the space it searched; the same record gives the same text."""
    best = record.best
    content = asdict(record) | {
        "best": None if best is None else best.number,
        "front": [trial.number for trial in record.front],
        "counted": len(record.counted),
        "search": search.model_dump(mode="json", by_alias=True),
        "mrigen_version": __version__,
    }
    return json.dumps(content, indent=2, default=_plain) + "\n"


def parameter_paths(trials: Sequence[TrialRecord]) -> list[str]:
    """Return the paths of all parameters that a trial has, in the order in which they come."""
    return list(dict.fromkeys(path for trial in trials for path in trial.params))


def _facts(trial: TrialRecord) -> dict[str, object]:
    epoch = max(trial.looks, default=None)
    return {
        "trial": trial.number,
        "state": trial.state.value,
        "baseline": str(trial.baseline).lower(),
        "retry_of": trial.retry_of,
        "training_seconds": trial.seconds,
        "score_seconds": trial.score_seconds,
        "last_look": None if epoch is None else trial.looks[epoch],
        "last_look_epoch": epoch,
        "reason": trial.reason,
        "device": trial.device,
        "worker": trial.worker,
        "run": trial.run,
        "started": trial.started.isoformat() if trial.started else None,
        "ended": trial.ended.isoformat() if trial.ended else None,
    }


def _exact(value: Value) -> Value:
    # An empty field says that a trial does not have the parameter.
    return spoken_value(value) if value is None or isinstance(value, bool) else value


def _plain(value: object) -> object:
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} has no place in JSON")
