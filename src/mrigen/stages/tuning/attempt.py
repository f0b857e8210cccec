"""A claimed trial from its parameters to what the study is told of it."""

import errno
import gc
import logging
import re
from collections.abc import Callable
from dataclasses import dataclass

import torch

from mrigen.data.store.slice_store import SliceStore
from mrigen.errors import ConfigError, ModelError, MrigenError, TrackingError
from mrigen.evaluation.validation_score import ValidationScorer
from mrigen.project import Project
from mrigen.stages.training_job import TrainingJob
from mrigen.stages.tuning.plan import SECONDS
from mrigen.stages.tuning.trial import Scored, train_and_score
from mrigen.stages.tuning.trial_run import end_trial_run, log_scores, start_trial_run
from mrigen.tracking.run import Run
from mrigen.tracking.tracker import Tracker
from mrigen.training.divergence import DivergenceError
from mrigen.training.runtime import Runtime
from mrigen.tuning.claims import ClaimedTrial
from mrigen.tuning.pruning import look_epochs
from mrigen.tuning.shared_study import SharedStudy

OUT_OF_MEMORY = "out of memory"

# Of torch's allocator on a CPU, C++, oneDNN, and cuBLAS and cuDNN beside other processes of a GPU,
# which have no class of their own for it.
_NO_MEMORY = re.compile(
    r"can't allocate memory|not enough memory|bad_alloc|could not create a primitive$|ALLOC_FAILED"
)

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Workplace:
    """What a worker has open while it runs trials.

    Attributes
    ----------
    project
        The project folder.
    study
        Whose trials are run.
    store, scorer, runtime
        The slices, what scores networks on them, and where to compute.
    tracker, run
        The MLflow store, and the id of the study's run in it.
    asked_to_stop
        Whether the worker is to end.
    """

    project: Project
    study: SharedStudy
    store: SliceStore
    scorer: ValidationScorer
    runtime: Runtime
    tracker: Tracker
    run: str
    asked_to_stop: Callable[[], bool]


def attempt(place: Workplace, claimed: ClaimedTrial) -> None:
    """Run a trial, and tell study and MLflow how it ended.

    Parameters that cannot be trained fail the trial; what is not their fault gives it back, for
    another worker to run it again, and is raised.

    Raises
    ------
    KeyboardInterrupt
        If the worker is to end.
    MrigenError, OSError
        If data, study or disk cannot be used.
    """
    runs: list[Run] = []
    with place.study.storage.beating(place.study.optuna, claimed.number):
        try:
            _tell(claimed, _train(place, claimed, runs), place.study.plan.objectives)
        except KeyboardInterrupt:
            claimed.give_back("interrupted")
            raise
        except Exception as error:
            if not _end_badly(claimed, error):
                raise
        finally:
            for run in runs:
                end_trial_run(run, place.study.record().trials[claimed.number])
    free_memory(place.runtime)


def _train(place: Workplace, claimed: ClaimedTrial, runs: list[Run]) -> Scored:
    plan = place.study.plan
    config = place.project.model_config(plan.model).with_parameters(claimed.params)
    job = TrainingJob(place.project, plan.model, config, place.store, place.runtime)
    run = _start_run(place, job, claimed)
    claimed.note(device=place.runtime.device_name)
    if run is not None:
        runs.append(run)
        claimed.note(run=run.id)

    def look(scores: dict[str, float], epoch: int) -> bool:
        if run is not None:
            log_scores(run, scores, epoch)
        return claimed.look(scores[plan.objectives[0]], epoch)

    scored = train_and_score(
        job,
        place.scorer,
        run=run,
        looks=look_epochs(plan.pruning, plan.epochs),
        look=look,
        asked_to_stop=place.asked_to_stop,
    )
    if not scored.given_up:
        look(scored.scores, scored.epoch)
    return scored


def _start_run(place: Workplace, job: TrainingJob, claimed: ClaimedTrial) -> Run | None:
    # The study has every result by itself: a server that is away for a night costs no trial.
    try:
        return start_trial_run(place.tracker, place.run, job, claimed)
    except TrackingError as error:
        _log.warning("%s Trial %d has no run in MLflow.", error, claimed.number)
        return None


def _tell(claimed: ClaimedTrial, scored: Scored, objectives: tuple[str, ...]) -> None:
    claimed.note(seconds=scored.seconds, score_seconds=scored.score_seconds)
    if scored.given_up:
        claimed.prune(f"behind the others after epoch {scored.epoch}")
        return
    numbers = scored.scores | {SECONDS: scored.seconds}
    claimed.complete([numbers[name] for name in objectives])


def failure_of(error: Exception) -> str | None:
    """Return why parameters cannot be trained, as a clause; None if they are not at fault."""
    if isinstance(error, DivergenceError):
        return f"diverged {error.finding}"
    if isinstance(error, ConfigError | ModelError):
        return str(error).rstrip(".")
    return OUT_OF_MEMORY if _is_out_of_memory(error) else None


def free_memory(runtime: Runtime) -> None:
    """Give back what a training held; nothing may refer to it any more, a traceback neither."""
    gc.collect()
    if runtime.device.type == "cuda":
        torch.cuda.empty_cache()
    if runtime.compiled:
        torch.compiler.reset()  # it gives up after a few networks of other sizes


def _end_badly(claimed: ClaimedTrial, error: Exception) -> bool:
    """Fail a trial or give it back; return whether the worker may go on."""
    reason = failure_of(error)
    if reason is not None:
        claimed.fail(reason)
    elif isinstance(error, MrigenError | OSError):
        claimed.give_back(str(error).rstrip("."))
    else:
        claimed.fail(f"{type(error).__name__}: {error}")
    return reason is not None


def _is_out_of_memory(error: Exception) -> bool:
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    if isinstance(error, OSError):
        return error.errno == errno.ENOMEM
    return isinstance(error, RuntimeError) and _NO_MEMORY.search(str(error)) is not None
