"""Training a model of mrigen for a number of seconds, as `mrigen train` does it."""

import gc
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from flow_budget import Budget, Calibration, calibrate
from flow_contenders import with_epochs
from torch import nn

from mrigen.bundle import BundleConfig, save_bundle
from mrigen.data.store.slice_store import SliceStore
from mrigen.evaluation.case import Case
from mrigen.evaluation.config import EvaluationConfig
from mrigen.images import to_uint8
from mrigen.model_config import ModelConfig
from mrigen.models.build import count_parameters
from mrigen.models.interfaces import Autoguided, Quick, Sampler
from mrigen.project import Project
from mrigen.stages.finished_network import finish_network
from mrigen.stages.training_epochs import Course, end_epoch, start_course
from mrigen.stages.training_job import TrainingJob
from mrigen.stages.training_result import model_facts
from mrigen.stages.training_session import count_weights
from mrigen.training.config import TrainingConfig
from mrigen.training.loop import fit
from mrigen.training.runtime import Runtime
from mrigen.training.state import TrainState

Draw = Callable[[int], npt.NDArray[np.uint8]]

# A short run takes this share of the budget, and no fewer epochs.
_SHORT_SHARE, _SHORT_EPOCHS = 0.05, 3

# So many that a schedule hardly moves in a short run.
_ENDLESS = 100_000


@dataclass(frozen=True)
class Bench:
    """What all contenders have in common.

    Attributes
    ----------
    project
        With the output folder as its root, where the bundles of trained models stay.
    store, runtime, budget, seed
        The slices, where to compute, how long, and the seed of trainings and drawings.
    """

    project: Project
    store: SliceStore
    runtime: Runtime
    budget: Budget
    seed: int

    @property
    def cache(self) -> Path:
        """Where the features of real slices are kept."""
        return self.project.cache


@dataclass(frozen=True)
class Trained:
    """A contender that can draw.

    Attributes
    ----------
    seconds
        Of the budget's clock, until it could draw.
    images
        Training images it has seen.
    parameters
        Values that were trained, a discriminator's included.
    draws
        Ways to draw the images of the seeds from the comparison's on, (count, 1, H, W): the
        plain one under "", others by name.
    details
        What else there is to say of the training.
    """

    seconds: float
    images: int
    parameters: int
    draws: dict[str, Draw]
    details: dict[str, Any] = field(default_factory=dict)


class _Run(NamedTuple):
    job: TrainingJob
    state: TrainState
    course: Course


def train_for(bench: Bench, name: str, config: ModelConfig) -> Trained:
    """Train for as many epochs as the budget has room for, after a short run that tells.

    Raises
    ------
    DivergenceError
        If a loss stops being a finite number.
    ConfigError, DataError, ModelError
        If the entry does not fit the slices.
    """
    short = short_run(bench, name, config)
    gc.collect()
    epochs = short.epochs(bench.budget.seconds, lambda count: looks_in(config.training, count))
    print(f"{name}: {short.per_epoch:.2f} s an epoch, {epochs} epochs", file=sys.stderr, flush=True)
    start = bench.budget.now()
    run = _prepare(bench, name, with_epochs(config, epochs))
    parameters = count_parameters(run.state.network)[0]  # while none of them is frozen
    for _ in _epochs(run):
        pass
    network = run.state.final_network
    kept = finish_network(run.job, network, run.course.best, epochs)
    seconds = bench.budget.now() - start
    keep_bundle(run.job, network, kept)
    return Trained(
        seconds,
        run.state.step * config.training.batch_size,
        parameters,
        draws_of(bench, network),
        {"epochs": epochs, "kept_epoch": kept, "calibration": short._asdict()},
    )


def keep_bundle(job: TrainingJob, network: nn.Module, epoch: int) -> None:
    """Write what was trained below the output folder, where `mrigen` knows how to read it."""
    config = BundleConfig(model=job.model, image_size=job.store.size, network=job.config.network)
    card = model_facts(job) | {"kept_epoch": epoch}
    save_bundle(job.project.bundle(job.model), network, config=config, card=card)


def short_run(bench: Bench, name: str, config: ModelConfig) -> Calibration:
    """Train until it is clear what an epoch takes, and forget it."""
    now = bench.budget.now
    start, ends = now(), list[float]()
    run = _prepare(bench, name, with_epochs(config, _ENDLESS))
    for _ in _epochs(run):
        ends.append(now() - start)
        if len(ends) >= _SHORT_EPOCHS and ends[-1] >= _SHORT_SHARE * bench.budget.seconds:
            break
    found = calibrate(ends)
    if run.course.looks is None:
        return found
    if isinstance(run.state.network, Autoguided) and run.state.network.guide_share is not None:
        run.state.keep_guide()  # which most looks of a whole training draw with
    start = now()
    run.course.looks.look(run.state, len(ends))
    return found._replace(per_look=now() - start)


def looks_in(config: TrainingConfig, epochs: int) -> int:
    """Return how many looks at the averages a training of so many epochs takes."""
    if config.kept_by != "kernel_distance" or config.looks is None:
        return 0
    return sum(config.looks.is_due(epoch, epochs) for epoch in range(1, epochs + 1))


def _prepare(bench: Bench, name: str, config: ModelConfig) -> _Run:
    job = TrainingJob(bench.project, name, config, bench.store, bench.runtime)
    state = job.prepare()
    count_weights(job)  # moves torch's generator, as `mrigen train` does
    return _Run(job, state, start_course(job))


def _epochs(run: _Run) -> Iterator[int]:
    job, state, course = run
    loop = fit(
        state,
        job.training_batches(),
        job.config.training,
        steps_per_epoch=job.steps_per_epoch(),
        runtime=job.runtime,
    )
    for point in loop:
        if point.terms is not None:
            end_epoch(job, state, course, point)
            yield point.epoch
            if course.watch.stopped:
                return


def draws_of(bench: Bench, network: nn.Module) -> dict[str, Draw]:
    draws: dict[str, Draw] = {"": drawing(bench, network)}
    if isinstance(network, Quick) and isinstance(network, Sampler):
        draws["quick"] = drawing(bench, network, quick=True)
    return draws


def drawing(bench: Bench, network: nn.Module, *, quick: bool = False) -> Draw:
    """Return a function that draws as an evaluation does, with conditions from training rows."""

    def draw(count: int) -> npt.NDArray[np.uint8]:
        config = EvaluationConfig(samples=count, seed=bench.seed)
        device = bench.runtime.device
        case = Case("drawn", network, bench.store, None, config, device, bench.cache, quick=quick)
        return to_uint8(case.generated(count))

    return draw
