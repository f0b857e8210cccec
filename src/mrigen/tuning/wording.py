"""Trials and studies in words: short names, one line a trial, a study in a few sentences."""

from collections import Counter
from collections.abc import Iterable, Mapping

from mrigen.tuning.config import Value
from mrigen.tuning.records import StudyRecord, TrialRecord, TrialState

# Ends of paths that say nothing without what stands before them.
_TOO_SHORT = {"name"}
_SCORE_DIGITS = 4
# From this change on percents are whole.
_WHOLE_PERCENT = 0.1
_VALUE_DIGITS = 3


def short_names(paths: Iterable[str]) -> dict[str, str]:
    """Give each path the shortest end that tells it from the others.

    Examples
    --------
    >>> list(short_names(["training.betas.0", "network.depth", "network.sampling.name"]).values())
    ['betas.0', 'depth', 'sampling.name']
    """
    listed = list(paths)
    ends = {path: _ends(path) for path in listed}
    count = Counter(end for found in ends.values() for end in found)
    return {
        path: next((end for end in ends[path] if count[end] == 1 and _speaks(end)), path)
        for path in listed
    }


def spoken_parameters(params: Mapping[str, Value]) -> str:
    """Write parameters on one line.

    Examples
    --------
    >>> spoken_parameters({"training.learning_rate": 0.00213456, "network.depth": 4})
    'learning_rate 0.00213, depth 4'
    """
    names = short_names(params)
    return ", ".join(f"{names[path]} {spoken_value(value)}" for path, value in params.items())


def spoken_value(value: Value) -> str:
    """Write a parameter as `params.yaml` would, with few digits.

    Examples
    --------
    >>> [spoken_value(value) for value in (0.00213456, 48, True, None, "prior")]
    ['0.00213', '48', 'true', 'null', 'prior']
    """
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return f"{value:.{_VALUE_DIGITS}g}" if isinstance(value, float) else str(value)


def spoken_score(score: float) -> str:
    """Write a score with few digits.

    Examples
    --------
    >>> [spoken_score(score) for score in (41.32178, 0.041235, 1234.5)]
    ['41.32', '0.04124', '1234']
    """
    digits = 0 if abs(score) >= 10 ** (_SCORE_DIGITS - 1) else _SCORE_DIGITS
    return f"{score:.{digits}g}" if digits else f"{score:.0f}"


def spoken_duration(seconds: float) -> str:
    """Write seconds as hours, minutes and seconds.

    Examples
    --------
    >>> spoken_duration(252.3), spoken_duration(90_000)
    ('4:12', '25:00:00')
    """
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def spoken_counts(record: StudyRecord) -> str:
    """Write how many of the trials that count stand how.

    Examples
    --------
    >>> states = [TrialState.PRUNED, TrialState.COMPLETE, TrialState.LOST, TrialState.COMPLETE]
    >>> trials = tuple(TrialRecord(n, state, {}, (1.0,)) for n, state in enumerate(states))
    >>> spoken_counts(StudyRecord("s", "vae", "heads", "0", ("mse",), trials))
    '2 complete, 1 pruned'
    """
    counts = Counter(trial.state for trial in record.counted)
    return ", ".join(f"{counts[state]} {state.value}" for state in TrialState if counts[state])


def spoken_trial(trial: TrialRecord, objectives: tuple[str, ...]) -> str:
    """Say how a trial ended, with its score or its reason."""
    name = f"trial {trial.number}" + (" (baseline)" if trial.baseline else "")
    parts = [f"{name} {trial.state.value}"]
    if trial.state is TrialState.COMPLETE:
        parts += [_named(*pair) for pair in zip(objectives, trial.values, strict=True)]
    elif trial.state is TrialState.PRUNED and trial.looks:
        parts.append(_named(objectives[0], trial.looks[max(trial.looks)]))
    ended = ", ".join(parts)
    return f"{ended}: {trial.reason}" if trial.reason else ended


def spoken_best(record: StudyRecord) -> str | None:
    """Say how the best trial stands against the baseline; None while none is complete."""
    best, baseline = record.best, record.baseline
    if best is None:
        return None
    score = _named(record.objectives[0], best.values[0])
    if best.baseline:
        return f"best {score}, the baseline's"
    words = f"best {score} of trial {best.number}"
    if baseline is None:
        return words
    there = f"{spoken_score(baseline.values[0])} of the baseline"
    return f"{words} against {there}{_change(best.values[0], baseline.values[0])}"


def in_short(record: StudyRecord, total: int | None = None) -> list[str]:
    """Say in whole sentences what a study has found so far, of so many trials asked for."""
    best, count = record.best, len(record.counted)
    asked = "" if total is None or total <= count else f" of {total}"
    ended = (
        f"{count}{asked} {'trial' if count == 1 and not asked else 'trials'} of '{record.model}'"
    )
    ended += f": {spoken_counts(record)}." if count else "."
    if best is None:
        return [ended, "None is complete, so there is no best one yet."]
    several = len(record.objectives) > 1
    if best.baseline and not several:
        return [ended, _none_better(record, best)]
    found = _none_better(record, best) if best.baseline else _found(record, best)
    return [ended, found, *(_front(record) if several else ()), _advice(record)]


def _found(record: StudyRecord, best: TrialRecord) -> str:
    score = f"{record.objectives[0]}, {spoken_score(best.values[0])}"
    found = f"Trial {best.number} has the smallest {score} ({spoken_parameters(best.params)})"
    if record.baseline is not None:
        found += (
            f", against {spoken_score(record.baseline.values[0])} of the baseline, the parameters "
            "that stood in params.yaml"
        )
    return f"{found}."


def _none_better(record: StudyRecord, best: TrialRecord) -> str:
    goes_on = any(trial.state.is_open for trial in record.trials)
    final = not goes_on and len(record.objectives) == 1
    return (
        f"None has a smaller {record.objectives[0]}{' so far' if goes_on else ''} than the "
        f"baseline, the parameters that stood in params.yaml, {spoken_score(best.values[0])}"
        f"{': there is nothing to change' if final else ''}."
    )


def _front(record: StudyRecord) -> list[str]:
    both = " and ".join(record.objectives)
    if len(record.front) == 1:
        return [f"None beats trial {record.front[0].number} in either of {both}."]
    front = ", ".join(
        f"trial {trial.number} ({spoken_score(trial.values[0])} in {trial.values[1]:.0f} s)"
        for trial in record.front
    )
    return [f"None beats one of these in both {both}: {front}."]


def _advice(record: StudyRecord) -> str:
    open_choice = len(record.objectives) > 1 and len(record.front) > 1
    choice = " --trial NUMBER" if open_choice else ""
    return (
        "The best of many looks better than it is: "
        f"'mrigen tune confirm {record.model}{choice}' trains it and the baseline anew with other "
        f"seeds, 'mrigen tune promote {record.model}{choice}' writes it into params.yaml."
    )


def _ends(path: str) -> list[str]:
    parts = path.split(".")
    return [".".join(parts[start:]) for start in range(len(parts) - 1, -1, -1)]


def _speaks(end: str) -> bool:
    first = end.split(".")[0]
    return not first.isdigit() and first not in _TOO_SHORT


def _named(objective: str, value: float) -> str:
    return f"{value:.0f} s" if objective == "seconds" else f"{objective} {spoken_score(value)}"


def _change(value: float, before: float) -> str:
    if not before:
        return ""
    change = (value - before) / abs(before)
    return f" ({change:+.{0 if abs(change) >= _WHOLE_PERCENT else 1}%})"
