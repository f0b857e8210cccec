"""Which trial of a study is promoted, and whether its parameters still mean what they meant."""

from collections.abc import Iterator, Mapping
from typing import Any

from mrigen.data.store.slice_store import SliceStore
from mrigen.errors import ConfigError, TuningError
from mrigen.model_config import ModelConfig
from mrigen.project import Project
from mrigen.tuning.paths import is_kind
from mrigen.tuning.records import StudyRecord, TrialRecord, TrialState
from mrigen.tuning.shared_study import SharedStudy
from mrigen.tuning.wording import spoken_trial, spoken_value

#: Note of a study: the model's section when it began.
SECTION = "section"

_SHOWN = 3


def chosen_trial(record: StudyRecord, number: int | None) -> TrialRecord:
    """Return a trial by its number, or the best one.

    Raises
    ------
    TuningError
        If it is not complete, or none is the best in every objective.
    """
    if not record.complete:
        raise TuningError(
            f"no trial of study '{record.name}' is complete, so there is no best one: run "
            f"'mrigen tune {record.model}' until one is."
        )
    if number is not None:
        return _numbered(record, number)
    first, *others = record.front
    if any(other.values != first.values for other in others):
        front = "; ".join(spoken_trial(trial, record.objectives) for trial in record.front)
        raise TuningError(
            f"no trial of study '{record.name}' is best in both {' and '.join(record.objectives)}: "
            f"choose one with --trial. The front is: {front}."
        )
    return first


def _numbered(record: StudyRecord, number: int) -> TrialRecord:
    found = next((trial for trial in record.trials if trial.number == number), None)
    complete = ", ".join(str(trial.number) for trial in record.complete)
    if found is None or found.state is not TrialState.COMPLETE:
        state = "not there" if found is None else found.state.value
        raise TuningError(
            f"trial {number} of study '{record.name}' is {state}: expected a complete one. Choose "
            f"one of {complete}."
        )
    return found


def refuse_other_study(project: Project, config: ModelConfig, study: SharedStudy) -> None:
    """Check that a study is about what `params.yaml` says now.

    Raises
    ------
    DataError
        If the slices cannot be read.
    TuningError
        If the model learns from other data now, or what the study left fixed has changed.
    """
    plan = study.plan
    again = f"Put it back, or search anew with 'mrigen tune {plan.model}'."
    if config.dataset != plan.dataset:
        raise TuningError(
            f"study '{plan.name}' is of dataset '{plan.dataset}', but model '{plan.model}' learns "
            f"from '{config.dataset}' now, where other parameters may be best. {again}"
        )
    found = SliceStore(project.processed(config.dataset)).fingerprint
    if found != plan.data:
        raise TuningError(
            f"study '{plan.name}' is of slices with the fingerprint {plan.data[:12]}, but those "
            f"of dataset '{plan.dataset}' have {found[:12]} now, where other parameters may be "
            f"best. {again}"
        )
    if not _same_space(config, study):
        raise TuningError(
            f"model '{plan.model}' is not as it was in study '{plan.name}', apart from what the "
            f"study searched{_differences(config, study)}, so that other parameters may be best. "
            f"{again}"
        )


def _same_space(config: ModelConfig, study: SharedStudy) -> bool:
    # By the study's own search block: another range now does not change what was found.
    searched = config.model_copy(update={"search": study.plan.search})
    try:
        return searched.space_hash(study.plan.objectives) == study.plan.space
    except ConfigError:
        return False


def _differences(config: ModelConfig, study: SharedStudy) -> str:
    then = study.get_note(SECTION)
    if not isinstance(then, Mapping):
        return ""
    paths = study.plan.search.parameters
    free = {path.rpartition(".")[0] if is_kind(path) else path for path in paths}
    told = [
        clause
        for key, now in config.trained.items()
        for clause in _changed(now, then.get(key), key, free)
    ]
    now, before = (each["evaluation"]["extractors"][:1] for each in (config.section, then))
    told += _changed(now, before, "evaluation.extractors", free)
    more = [f"and {len(told) - _SHOWN} more"] if len(told) > _SHOWN else []
    return f" ({', '.join(told[:_SHOWN] + more)})" if told else ""


def _changed(now: Any, then: Any, path: str, free: set[str]) -> Iterator[str]:
    if now == then or path in free:
        return
    if isinstance(now, dict) and isinstance(then, dict):
        for key in now | then:
            yield from _changed(now.get(key), then.get(key), f"{path}.{key}", free)
    elif isinstance(now, dict | list) or isinstance(then, dict | list):
        yield f"'{path}' is another one"
    else:
        yield f"'{path}' is {spoken_value(now)}, was {spoken_value(then)}"
