"""The clock on a training, its validation, and a network's answers."""

import itertools
import math
from collections.abc import Callable, Iterator

from mrigen.data.loader import TRAIN, VALIDATION, Batch, ordered_batches
from mrigen.evaluation.case import reconstruct
from mrigen.models.interfaces import Reconstructor, Sampler
from mrigen.models.sampling import CHUNK, draw_samples
from mrigen.objectives.build import build_objective
from mrigen.stages.training_job import VALIDATION_SLICES, TrainingJob
from mrigen.training.loop import fit, validate
from mrigen.training.schedule import Span, span
from mrigen.training.state import TrainState
from mrigen.training.timing import Pace, time_calls

WINDOWS = 5
ANSWERED = 2 * CHUNK  # images drawn or restored in one call
_VALIDATED = 4  # batches


class TimedTraining:
    """The loop of `train`, timed in each part of the training in which other phases are due.

    Parameters
    ----------
    job
        What is trained, on what, where.
    state
        Moved in place.
    steps
        Updates to time in each part, about.

    Attributes
    ----------
    steps
        Updates that are timed in each part.
    """

    def __init__(self, job: TrainingJob, state: TrainState, steps: int) -> None:
        self.job, self.state = job, state
        phases = state.objective.phases
        self.total = job.config.training.epochs * job.steps_per_epoch()
        edges = {0, self.total}.union(*(span(phase, self.total) for phase in phases))
        self.parts = [Span(*pair) for pair in itertools.pairwise(sorted(edges))]
        # Every window holds whole rounds, where some phases are due in some steps only.
        rhythm = math.lcm(*(phase.every for phase in phases))
        self.windows = max(1, min(WINDOWS, steps // rhythm))
        self.calls = math.ceil(steps / self.windows / rhythm) * rhythm
        self.steps = self.windows * self.calls

    def pace(self, batches: Iterator[Batch]) -> Pace:
        """Return the seconds of a step, as a mean over the whole training."""
        paces = [self._part(part, batches) for part in self.parts]
        shares = [(part.last - part.first) / self.total for part in self.parts]
        means = (
            sum(share * seconds for share, seconds in zip(shares, column, strict=True))
            for column in zip(*paces, strict=True)
        )
        return Pace(*means)

    def _part(self, part: Span, batches: Iterator[Batch]) -> Pace:
        state, job = self.state, self.job
        state.step = part.first
        loop = fit(
            state,
            batches,
            job.config.training,
            steps_per_epoch=job.steps_per_epoch(),
            runtime=job.runtime,
        )

        def step() -> None:
            next(loop)
            if state.step >= part.last:  # a short training is repeated
                state.step = part.first

        return time_calls(
            step,
            device=job.runtime.device,
            warm_up=max(3, self.calls),
            windows=self.windows,
            calls=self.calls,
        )


def validation_seconds(job: TrainingJob, state: TrainState) -> float:
    """Return the seconds of one validation, from those of its first batches."""
    training = job.config.training
    slices = len(job.store.positions(VALIDATION))
    if not training.watches_validation:
        slices = min(slices, VALIDATION_SLICES)
    if not slices:
        return 0.0
    timed = min(slices, _VALIDATED * training.batch_size)
    objective = build_objective(job.config.objective, state.final_network)

    def once() -> None:
        batches = itertools.islice(job.validation_batches(), _VALIDATED)
        validate(objective, batches, seed=0, runtime=job.runtime)

    pace = time_calls(once, device=job.runtime.device, warm_up=1, windows=1, calls=1)
    return pace.median / timed * slices


def answer_speeds(job: TrainingJob, state: TrainState, steps: int) -> dict[str, float]:
    """Return images per second of sampling and of restoring, as far as the network does either."""
    network, device = state.final_network.eval(), job.runtime.device
    calls: dict[str, Callable[[], object]] = {}
    count = ANSWERED
    if isinstance(network, Sampler):
        calls["sample_images_per_second"] = lambda: draw_samples(network, range(count))
    if isinstance(network, Reconstructor):
        batch = next(ordered_batches(job.dataset(TRAIN), batch_size=count, limit=count))
        images = batch.input.repeat(math.ceil(count / len(batch.input)), 1, 1, 1)[:count]
        calls["restore_images_per_second"] = lambda: reconstruct(network, images, device=device)
    windows = min(WINDOWS, steps)
    return {
        name: count / time_calls(call, device=device, warm_up=1, windows=windows, calls=1).median
        for name, call in calls.items()
    }
