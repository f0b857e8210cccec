"""The tables of a study's page: parameters of a few trials side by side, and all trials."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mrigen.tuning.config import ParameterConfig, SearchConfig
from mrigen.tuning.records import StudyRecord, TrialRecord
from mrigen.tuning.tables import parameter_paths
from mrigen.tuning.wording import spoken_duration, spoken_score, spoken_value

#: Stands where there is no value.
NOTHING = "n/a"

# Of the trials that no other beats in both objectives, beside each other in one table.
_MOST_COLUMNS = 5


@dataclass(frozen=True)
class ParameterLine:
    """One parameter: where it was searched, and its values now, in the baseline, in trials."""

    path: str
    searched: str
    values: Sequence[str]


@dataclass(frozen=True)
class TrialLine:
    """One trial in the table of the page."""

    number: int
    state: str
    mark: str
    values: Sequence[str]
    params: Sequence[str]
    seconds: str
    remark: str


def parameter_table(
    record: StudyRecord, search: SearchConfig, present: Mapping[str, object]
) -> tuple[list[str], list[ParameterLine]]:
    """Return the columns and lines of the parameters now, of the baseline, the best, the front."""
    columns: list[tuple[str, Mapping[str, object]]] = [("params.yaml now", present)]
    baseline = next((trial for trial in record.trials if trial.baseline), None)
    if baseline is not None and dict(present) != baseline.params:
        columns.append(("baseline", baseline.params))
    best = record.best
    chosen = record.front[:_MOST_COLUMNS] if len(record.objectives) > 1 else (best,)
    columns += [
        (f"{'best, ' if trial is best else ''}trial {trial.number}", trial.params)
        for trial in chosen
        if trial is not None and not trial.baseline
    ]
    paths = dict.fromkeys([*search.parameters, *parameter_paths(record.trials)])
    rows = [
        ParameterLine(
            path,
            _range(search.parameters.get(path)),
            [_spoken(values.get(path, NOTHING)) for _, values in columns],
        )
        for path in paths
    ]
    return [name for name, _ in columns], rows


def trial_line(trial: TrialRecord, record: StudyRecord, paths: Sequence[str]) -> TrialLine:
    """Return how a trial stands in the table of all.

    Parameters
    ----------
    trial
        Of the study.
    record
        The study.
    paths
        Of the parameters that have a column.
    """
    mark = "best" if trial is record.best else ""
    if not mark and len(record.objectives) > 1 and trial in record.front:
        mark = "on the front"
    remarks = [
        "the baseline" if trial.baseline else "",
        f"runs trial {trial.retry_of} again" if trial.retry_of is not None else "",
        trial.reason or "",
    ]
    return TrialLine(
        number=trial.number,
        state=trial.state.value,
        mark=mark,
        values=_values(trial, record.objectives),
        params=[_spoken(trial.params.get(path, NOTHING)) for path in paths],
        seconds=NOTHING if trial.seconds is None else spoken_duration(trial.seconds),
        remark="; ".join(filter(None, remarks)),
    )


def _range(parameter: ParameterConfig | None) -> str:
    if parameter is None:
        return NOTHING
    if parameter.choice is not None:
        words = ", ".join(map(spoken_value, parameter.choice))
    else:
        low, high = parameter.bounds
        words = f"{low:g} to {high:g}" + (", by orders of magnitude" if parameter.log else "")
        words += f", in steps of {parameter.step:g}" if parameter.step else ""
    conditions = [
        f"{path} is {' or '.join(map(spoken_value, values))}"
        for path, values in parameter.conditions.items()
    ]
    return f"{words}, where {' and '.join(conditions)}" if conditions else words


def _spoken(value: object) -> str:
    if value is None or isinstance(value, bool | int | float | str):
        return spoken_value(value)
    return str(value)


def _values(trial: TrialRecord, objectives: Sequence[str]) -> list[str]:
    if trial.values:
        return [
            spoken_duration(value) if name == "seconds" else spoken_score(value)
            for name, value in zip(objectives, trial.values, strict=True)
        ]
    looked = NOTHING
    if trial.looks:
        epoch = max(trial.looks)
        looked = f"{spoken_score(trial.looks[epoch])} after epoch {epoch}"
    return [looked, *(NOTHING for _ in objectives[1:])]
