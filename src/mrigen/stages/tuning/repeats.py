"""Trainings with fresh seeds, one after the other or side by side."""

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from functools import partial

import torch

from mrigen.data.store.slice_store import SliceStore
from mrigen.data.workers import threads_of_processes
from mrigen.errors import TuningError
from mrigen.model_config import ModelConfig
from mrigen.project import Project
from mrigen.stages.own_process import KilledError, answers_from_own_processes
from mrigen.stages.training_job import TrainingJob
from mrigen.stages.tuning.attempt import failure_of
from mrigen.stages.tuning.plan import make_scorer
from mrigen.stages.tuning.trial import train_and_score
from mrigen.training.runtime import choose_runtime
from mrigen.tuning.confirmation import Side, Training


@dataclass(frozen=True)
class Repeat:
    """What is trained once more; it travels to another process.

    Attributes
    ----------
    project, model, config
        The model's section, with a search block, and the project it is from.
    side
        What the section stands for.
    seed
        In place of the section's, and of what the network is scored on.
    device
        Where to compute.
    identity
        Of all that the training depends on but the seed.
    """

    project: Project
    model: str
    config: ModelConfig
    side: Side
    seed: int
    device: str
    identity: str


def train_all(repeats: Sequence[Repeat], *, workers: int) -> Generator[Training]:
    """Train each and yield what came out as they end; closing the generator ends the rest.

    Parameters
    ----------
    repeats
        In the order in which they are begun.
    workers
        Trainings at a time. One is in this process; more are in processes of their own, which
        share the threads that one would have.

    Raises
    ------
    TuningError
        If a process was killed.
    """
    workers = min(workers, len(repeats))
    if workers <= 1:
        yield from map(train_once, repeats)
        return
    threads = max(1, torch.get_num_threads() // workers)
    try:
        with threads_of_processes(threads):
            yield from answers_from_own_processes(train_once, repeats, workers=workers)
    except KilledError as error:
        raise TuningError(
            f"a training is lost, as {error}: what has ended before is kept. Run the same command "
            "again, with fewer --workers if memory is short."
        ) from None


def train_once(repeat: Repeat) -> Training:
    """Train and score; what fails for the parameters' sake is told with its reason."""
    runtime = choose_runtime(device=repeat.device)
    training = repeat.config.training.model_copy(update={"seed": repeat.seed})
    config = repeat.config.model_copy(update={"training": training})
    store = SliceStore(repeat.project.processed(config.dataset))
    job = TrainingJob(repeat.project, repeat.model, config, store, runtime)
    scorer = make_scorer(repeat.project, config, store, runtime.device, seed=repeat.seed)
    told = partial(Training, side=repeat.side, seed=repeat.seed, identity=repeat.identity)
    try:
        scored = train_and_score(job, scorer)
    except Exception as error:
        reason = failure_of(error)
        if reason is None:
            raise
        return told(reason=reason)
    return told(scores=scored.scores, seconds=scored.seconds)
