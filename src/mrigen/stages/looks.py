"""Looks at a training under way: which epoch and which average makes the best images."""

import copy
import math
import time
from typing import TypedDict

import torch
from torch import nn

from mrigen.evaluation.extractors import EfficientNetConfig
from mrigen.evaluation.validation_score import ValidationScorer
from mrigen.models.interfaces import Sampler
from mrigen.seeds import torch_seed
from mrigen.stages.finished_network import fit_sampler
from mrigen.stages.training_job import TrainingJob
from mrigen.training.divergence import require_finite
from mrigen.training.state import TrainState


class LooksState(TypedDict):
    """Looks as plain values for a checkpoint; None stands for a distance that never came."""

    best: float | None
    epoch: int
    place: int
    seconds: float


class Looks:
    """Compares the averages of a generator with each other and with those of earlier epochs.

    They are judged by the kernel distance between images that each of them makes of the same noise
    and validation slices. Always by features of EfficientNet-Lite0: what decides the weights of a
    model does not depend on how it is evaluated.

    Parameters
    ----------
    job
        What is trained; its network makes images.

    Attributes
    ----------
    best, epoch, place
        The smallest distance, its epoch, and which of the candidates it belongs to; infinity, 0
        and 0 before the first.
    seconds
        That looks have taken, those before an interruption too.
    """

    def __init__(self, job: TrainingJob) -> None:
        self.best, self.epoch, self.place, self.seconds = math.inf, 0, 0, 0.0
        self._job = job
        training = job.config.training
        assert training.looks is not None
        self._config = training.looks
        self._scorer = ValidationScorer(
            job.store,
            corruption=None,
            samples=self._config.samples,
            slices=self._config.slices,
            extractor=EfficientNetConfig(),
            device=job.runtime.device,
            cache=job.project.cache,
            root=job.project.root,
            seed=torch_seed(training.seed, "looks"),
        )

    def is_due(self, epoch: int) -> bool:
        """Whether there is a look after an epoch, unless the training ends there anyway."""
        return self._config.is_due(epoch, self._job.config.training.epochs)

    def look(self, state: TrainState, epoch: int) -> dict[str, float]:
        """Score every candidate after an epoch; return the distances under their names in curves.

        The training goes on as if nothing had been.

        Raises
        ------
        DivergenceError
            If a weight is not finite.
        ModelError
            If an image is not.
        """
        start = time.perf_counter()
        devices = [state.device] if state.device.type == "cuda" else []
        with torch.random.fork_rng(devices):
            scores = [self._score(network, state.step) for network in state.candidates]
        place = min(range(len(scores)), key=scores.__getitem__)
        if scores[place] < self.best:
            self.best, self.epoch, self.place = scores[place], epoch, place
        self.seconds += time.perf_counter() - start
        return dict(zip(self._names(), scores, strict=True))

    def state(self) -> LooksState:
        """Return everything that a resume needs."""
        best = self.best if math.isfinite(self.best) else None
        return LooksState(best=best, epoch=self.epoch, place=self.place, seconds=self.seconds)

    def load(self, state: LooksState) -> None:
        """Go on from what `state` returned."""
        self.best = math.inf if state["best"] is None else state["best"]
        self.epoch, self.place, self.seconds = state["epoch"], state["place"], state["seconds"]

    def _score(self, network: nn.Module, step: int) -> float:
        require_finite(network.state_dict(), step)
        judged = copy.deepcopy(network).requires_grad_(requires_grad=False).eval()
        fit_sampler(self._job, judged)
        assert isinstance(judged, Sampler)
        return self._scorer.kernel_distance(judged)

    def _names(self) -> list[str]:
        shares = self._job.config.training.ema_half_lives
        if shares is None or len(shares) == 1:
            return ["validation/kernel_distance"]
        return [f"validation/kernel_distance_{share:g}" for share in shares]


def start_looks(job: TrainingJob) -> Looks | None:
    """Return the looks of a training that has no epoch yet, None if it is to have none."""
    return Looks(job) if job.config.training.kept_by == "kernel_distance" else None


def kept_half_life(job: TrainingJob, looks: Looks | None) -> float | None:
    """Return which average is kept, None where averages have no half-lives."""
    shares = job.config.training.ema_half_lives
    return None if shares is None else shares[looks.place if looks else 0]
