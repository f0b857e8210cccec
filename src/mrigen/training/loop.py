"""The one training loop: whatever the model, `fit` moves its state and reports."""

import math
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from mrigen.data.loader import Batch
from mrigen.errors import ModelError
from mrigen.objectives.base import Objective, Phase
from mrigen.training.config import TrainingConfig
from mrigen.training.ema import ExponentialMovingAverage
from mrigen.training.runtime import Runtime
from mrigen.training.state import TrainState


class Progress(NamedTuple):
    """Where the loop stands after an update.

    Attributes
    ----------
    step, epoch
        Updates and whole epochs done.
    images
        Training images seen.
    terms
        Means of the loss terms over the epoch that has just ended; None inside an epoch.
    """

    step: int
    epoch: int
    images: int
    terms: dict[str, float] | None


def start_state(objective: Objective, config: TrainingConfig, runtime: Runtime) -> TrainState:
    """Move a network to the device and give it optimisers and an average."""
    # Convolutions run up to a third faster on channels-last memory, on CPUs and GPUs alike.
    layout = torch.channels_last
    objective.network.to(runtime.device, memory_format=layout)  # type: ignore[call-overload] # torch's stubs lack it
    for phase in objective.phases:
        if phase.extra is not None:
            phase.extra.to(runtime.device)
    optimizers = {phase.name: _optimizer(phase, config) for phase in objective.phases}
    ema = None
    if config.ema_decay:
        ema = ExponentialMovingAverage(objective.network, config.ema_decay)
    return TrainState(objective, optimizers, ema)


def fit(
    state: TrainState,
    batches: Iterable[Batch],
    config: TrainingConfig,
    *,
    steps_per_epoch: int,
    runtime: Runtime,
) -> Iterator[Progress]:
    """Train until `config.epochs` are done, yielding after every update.

    Parameters
    ----------
    state
        Moved in place; it may come from a checkpoint.
    batches
        Training batches from `state.step` on.
    steps_per_epoch
        Updates that make an epoch.

    Raises
    ------
    ModelError
        If a loss stops being a finite number.
    """
    total = config.epochs * steps_per_epoch
    stream = iter(batches)
    while state.step < total:
        batch = next(stream).to(runtime.device)
        state.add(update(state, batch, config, total=total, runtime=runtime))
        state.step += 1
        epoch, position = divmod(state.step, steps_per_epoch)
        terms = None
        if position == 0:
            terms = state.take_means()
            _require_finite(terms, epoch)
        yield Progress(state.step, epoch, state.step * len(batch.index), terms)


def update(
    state: TrainState, batch: Batch, config: TrainingConfig, *, total: int, runtime: Runtime
) -> dict[str, Tensor]:
    """Run every phase that is due, then move the average; return the loss terms.

    Gradients reach a phase's weights alone, while the graphs of all of them may pass through the
    whole network: a phase can use what an earlier one has computed in the same step.
    """
    objective = state.objective
    terms: dict[str, Tensor] = {}
    objective.network.train()
    for phase in objective.phases:
        first, last = round(phase.start * total), round(phase.stop * total)
        if not first <= state.step < last or (state.step - first) % phase.every:
            continue
        with runtime.autocast():
            losses = objective.loss(phase.name, batch, state.step / total)
        parameters = phase.parameters()
        optimizer = state.optimizers[phase.name]
        optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward(losses["loss"], inputs=parameters)
        if config.clip_norm:
            torch.nn.utils.clip_grad_norm_(parameters, config.clip_norm)
        factor = rate_factor(config, state.step - first, last - first)
        for group in optimizer.param_groups:
            group["lr"] = config.learning_rate * factor
        optimizer.step()
        prefix = f"{phase.name}_" if len(objective.phases) > 1 else ""
        terms |= {prefix + name: value.detach().float() for name, value in losses.items()}
    if state.ema:
        state.ema.update(objective.network, state.step)
    return terms


def rate_factor(config: TrainingConfig, step: int, total: int) -> float:
    """Return what the learning rate is multiplied by at `step` of a phase's `total` steps."""
    if step < config.warmup_steps:
        return (step + 1) / config.warmup_steps
    if config.schedule == "constant":
        return 1.0
    done = (step - config.warmup_steps) / max(1, total - config.warmup_steps)
    return 0.5 * (1 + math.cos(math.pi * done))


@torch.no_grad()
def validate(
    objective: Objective, batches: Iterable[Batch], *, seed: int, runtime: Runtime
) -> dict[str, float]:
    """Return the means of the loss terms over validation batches.

    The noise is drawn from `seed` alone, and the random states of training stay as they are.
    """
    objective.network.eval()
    sums: dict[str, float] = {}
    count = 0
    devices = [runtime.device] if runtime.device.type == "cuda" else []
    with torch.random.fork_rng(devices), runtime.autocast():
        torch.manual_seed(seed)
        for cpu_batch in batches:
            batch = cpu_batch.to(runtime.device)
            count += len(batch.index)
            for phase in objective.phases:
                prefix = f"{phase.name}_" if len(objective.phases) > 1 else ""
                for name, value in objective.loss(phase.name, batch).items():
                    key = prefix + name
                    sums[key] = sums.get(key, 0.0) + float(value) * len(batch.index)
    return {name: total / count for name, total in sums.items()}


def _optimizer(phase: Phase, config: TrainingConfig) -> torch.optim.Optimizer:
    parameters = phase.parameters()
    rate, decay = config.learning_rate, config.weight_decay
    if config.optimizer == "rmsprop":
        # Keras' rho, which the studies use; torch's default is 0.99.
        return torch.optim.RMSprop(parameters, rate, alpha=0.9, weight_decay=decay)
    family = torch.optim.AdamW if config.optimizer == "adamw" else torch.optim.Adam
    return family(parameters, rate, betas=config.betas, weight_decay=decay, fused=True)


def _require_finite(terms: dict[str, float], epoch: int) -> None:
    for name, value in terms.items():
        if not math.isfinite(value):
            raise ModelError(
                f"training diverged in epoch {epoch}: '{name}' is {value}. Lower "
                "'learning_rate', or set 'clip_norm' to 1."
            )
