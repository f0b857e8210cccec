"""One trial: a training as any other, scored on validation subjects, without a bundle."""

import copy
import math
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass

import torch
from torch import nn

from mrigen.errors import ModelError
from mrigen.evaluation.validation_score import ValidationScorer
from mrigen.stages.finished_network import finish_network
from mrigen.stages.training_epochs import Course, end_epoch, epoch_metrics, start_course
from mrigen.stages.training_job import TrainingJob
from mrigen.stages.training_session import count_weights
from mrigen.tracking.run import Run
from mrigen.training.divergence import require_finite
from mrigen.training.loop import fit
from mrigen.training.state import TrainState

#: Takes the scores after an epoch, and says whether to give the trial up.
Look = Callable[[dict[str, float], int], bool]


@dataclass(frozen=True)
class Scored:
    """What came out of a trial.

    Attributes
    ----------
    scores
        By name, as they were measured last.
    epoch
        After which that was.
    seconds
        Of training alone.
    score_seconds
        Of measuring scores.
    given_up
        Whether a look ended the training.
    """

    scores: dict[str, float]
    epoch: int
    seconds: float
    score_seconds: float
    given_up: bool = False


def train_and_score(
    job: TrainingJob,
    scorer: ValidationScorer,
    *,
    run: Run | None = None,
    looks: Collection[int] = (),
    look: Look | None = None,
    asked_to_stop: Callable[[], bool] = lambda: False,
) -> Scored:
    """Train as `mrigen train` does, to the same bytes, and score what comes out.

    Nothing is written to the project folder. Scores are measured on copies, between epochs, so
    that they leave the training as it is.

    Parameters
    ----------
    job
        What is trained.
    scorer
        Of the job's store.
    run
        Gets the curves; it stays open.
    looks
        Epochs after which the network is scored, too; the end always is.
    look
        Told the scores of these epochs, but for the last.
    asked_to_stop
        Asked after each update.

    Raises
    ------
    ModelError
        If the training diverges, or a score is not finite.
    KeyboardInterrupt
        If `asked_to_stop` answers yes.
    """
    trial = _Trial(job, scorer, run)
    state, course = trial.state, trial.course
    loop = fit(
        state,
        job.training_batches(),
        job.config.training,
        steps_per_epoch=job.steps_per_epoch(),
        runtime=job.runtime,
    )
    for point in loop:
        if point.terms is not None:
            row = end_epoch(job, state, course, point)
            if run is not None:
                run.log_metrics(epoch_metrics(row, state, course, point), step=point.epoch)
            if course.watch.stopped or point.epoch == job.config.training.epochs:
                break
            if point.epoch in looks:
                scored = trial.score()
                if look is not None and look(scored.scores, point.epoch):
                    return trial.scored(given_up=True)
        if asked_to_stop():
            raise KeyboardInterrupt
    return trial.score()


class _Trial:
    """A training under way, and the time that scores have taken of it."""

    def __init__(self, job: TrainingJob, scorer: ValidationScorer, run: Run | None) -> None:
        self.job, self.scorer, self.run = job, scorer, run
        self.state: TrainState = job.prepare()
        count_weights(job)  # moves the generator as at the beginning of any training
        self.course: Course = start_course(job)
        self.scores: dict[str, float] = {}
        self.score_seconds = 0.0

    def score(self) -> Scored:
        """Score the network as it would be kept now, with the clock of training stopped."""
        start = time.perf_counter()
        self.state.losses.look()
        require_finite(self.state.network.state_dict(), self.state.step)
        devices = [self.state.device] if self.state.device.type == "cuda" else []
        with self.course.clock.paused(), torch.random.fork_rng(devices):
            self.scores = _finite(self.scorer(self._finished()), len(self.course.history))
        self.score_seconds += time.perf_counter() - start
        return self.scored()

    def scored(self, *, given_up: bool = False) -> Scored:
        """Return what is known by now."""
        epoch, seconds = len(self.course.history), self.course.clock.seconds
        looks = self.course.looks
        score_seconds = self.score_seconds + (looks.seconds if looks else 0)
        return Scored(self.scores, epoch, seconds, score_seconds, given_up)

    def _finished(self) -> nn.Module:
        network = copy.deepcopy(self.state.final_network)
        finish_network(self.job, network, self.course.best, len(self.course.history))
        return network


def _finite(scores: dict[str, float], epoch: int) -> dict[str, float]:
    for name, score in scores.items():
        if not math.isfinite(score):
            raise ModelError(
                f"'{name}' is {score} after epoch {epoch}: expected a finite number. Lower "
                "'learning_rate' or set 'clip_norm' to 1."
            )
    return scores
