"""Beginning, joining and finding studies in a storage."""

import logging
import warnings
from collections.abc import Iterable
from datetime import UTC, datetime

import optuna
from optuna.exceptions import ExperimentalWarning

from mrigen.errors import TuningError
from mrigen.tuning.plan import StudyPlan, read_plan, written_plan
from mrigen.tuning.proposals import given
from mrigen.tuning.shared_study import SharedStudy
from mrigen.tuning.storage import StudyStorage
from mrigen.tuning.turns import in_turn

_log = logging.getLogger(__name__)

# Attribute of a study.
_PLAN = "plan"


def open_study(storage: StudyStorage, plan: StudyPlan, *, new: bool = False) -> SharedStudy:
    """Begin a study, or join it where it has begun.

    Parameters
    ----------
    storage
        Where studies are kept.
    plan
        What is searched.
    new
        Begin it even if the model has a study of the same data that searched another space.

    Raises
    ------
    TuningError
        If it would be begun beside such a study, and `new` is not set.
    """
    return in_turn(storage, lambda: _opened(storage, plan, new=new))


def load_study(storage: StudyStorage, model: str, *, name: str | None = None) -> SharedStudy:
    """Return a study of a model, the one that was worked on last unless it is named.

    Raises
    ------
    TuningError
        If there is none.
    """
    plans = {other: plan for other, plan in _plans(storage, model).items() if name in {None, other}}
    if not plans:
        wanted = f"study '{name}' of model" if name else "study of model"
        raise TuningError(
            f"there is no {wanted} '{model}' in {storage.address}: run 'mrigen tune {model}' "
            "first, or name the storage that has it with --storage."
        )
    studies = [
        SharedStudy(storage, optuna.load_study(study_name=other, storage=storage.optuna), plan)
        for other, plan in plans.items()
    ]
    return max(studies, key=_last_work)


def _opened(storage: StudyStorage, plan: StudyPlan, *, new: bool) -> SharedStudy:
    plans = _plans(storage, plan.model)
    joined = plans.get(plan.name)
    if joined is None:
        _check_others(plan, plans.values(), new=new)
        study = _begun(storage, plan)
    else:
        study = optuna.load_study(study_name=plan.name, storage=storage.optuna)
    shared = SharedStudy(storage, study, joined or plan)
    if shared.plan.baseline is not None:
        shared.begin_with(given(shared.plan.search, shared.plan.baseline))
    return shared


def _begun(storage: StudyStorage, plan: StudyPlan) -> optuna.Study:
    study = optuna.create_study(
        storage=storage.optuna,
        study_name=plan.name,
        directions=["minimize"] * len(plan.objectives),
        load_if_exists=True,  # without a plan, from one who was killed before writing it
    )
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*set_metric_names", ExperimentalWarning)
        study.set_metric_names(list(plan.objectives))  # for Optuna's dashboard
    study.set_user_attr(_PLAN, written_plan(plan))
    return study


def _plans(storage: StudyStorage, model: str) -> dict[str, StudyPlan]:
    # Others may keep studies in the same place, and who was killed at once has left an empty one.
    summaries = optuna.get_all_study_summaries(storage.optuna, include_best_trial=False)
    written = {summary.study_name: summary.user_attrs.get(_PLAN) for summary in summaries}
    return {
        name: read_plan(name, plan)
        for name, plan in written.items()
        if isinstance(plan, dict) and plan.get("model") == model
    }


def _check_others(plan: StudyPlan, others: Iterable[StudyPlan], *, new: bool) -> None:
    of_model = list(others)
    of_data = [other for other in of_model if other.data == plan.data]
    if of_data and not new:
        raise TuningError(
            f"study '{of_data[-1].name}' of model '{plan.model}' searched another space: its "
            "search block, its objectives or what it leaves fixed was not as it is in params.yaml "
            "now. Put that back to go on with it, or begin another study with --new-study."
        )
    if of_model and not of_data:
        _log.info(
            "Dataset '%s' has changed since study '%s': another study begins.",
            plan.dataset,
            of_model[-1].name,
        )


def _last_work(study: SharedStudy) -> datetime:
    times = [
        time
        for trial in study.record().trials
        for time in (trial.started, trial.ended)
        if time is not None
    ]
    return max(times, default=datetime.min.replace(tzinfo=UTC))
