"""When a phase runs, and how far its learning rate has come."""

import math
from collections.abc import Iterable
from typing import NamedTuple

from mrigen.objectives.base import Phase
from mrigen.training.config import TrainingConfig


class Span(NamedTuple):
    """The steps of a phase: from `first` on, before `last`."""

    first: int
    last: int


def span(phase: Phase, total: int) -> Span:
    """Return the steps of a phase in a training of `total` steps."""
    return Span(round(phase.start * total), round(phase.stop * total))


def running(phases: Iterable[Phase], total: int, steps: Span) -> set[str]:
    """Return the names of the phases whose time falls into `steps`."""
    spans = {phase.name: span(phase, total) for phase in phases}
    return {name for name, own in spans.items() if own.first < steps.last > steps.first < own.last}


def rate_factor(config: TrainingConfig, step: int, total: int) -> float:
    """Return what the learning rate is multiplied by at `step` of a phase's `total` steps."""
    if step < config.warmup_steps:
        return (step + 1) / config.warmup_steps
    if config.schedule != "cosine":
        return 1.0
    done = (step - config.warmup_steps) / max(1, total - config.warmup_steps)
    return 0.5 * (1 + math.cos(math.pi * done))
