"""The one training loop: whatever the model, `fit` moves its state and reports."""

from collections.abc import Collection, Iterable, Iterator
from typing import NamedTuple

import torch
from torch import Tensor, nn

from mrigen.data.loader import Batch
from mrigen.models.interfaces import Autoguided
from mrigen.objectives.base import Objective, Phase
from mrigen.training.compiling import compile_parts
from mrigen.training.config import TrainingConfig
from mrigen.training.ema import (
    ExponentialMovingAverage,
    Weight,
    weight_of_decay,
    weight_of_half_life,
)
from mrigen.training.memory import keep_freed_memory
from mrigen.training.muon import Muon
from mrigen.training.runtime import Runtime
from mrigen.training.schedule import rate_factor, span
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
    """Move a network to the device and give it optimisers and averages."""
    if runtime.device.type == "cpu":
        keep_freed_memory()
    # Convolutions run up to a third faster on channels-last memory, on CPUs and GPUs alike.
    layout = torch.channels_last
    objective.network.to(runtime.device, memory_format=layout)  # type: ignore[call-overload] # torch's stubs lack it
    for phase in objective.phases:
        if phase.extra is not None:
            phase.extra.to(runtime.device)
    optimizers = {phase.name: _optimizer(phase, config) for phase in objective.phases}
    averages = [ExponentialMovingAverage(objective.network, each) for each in _weights(config)]
    if runtime.compiled:
        compile_parts(objective)  # after the averages were copied: they need no machine code
    return TrainState(objective, optimizers, averages)


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
        Moved in place; it may come from a checkpoint. Between two updates the caller may set
        its `rate_scale`, and stop.
    batches
        Training batches from `state.step` on.
    steps_per_epoch
        Updates that make an epoch.

    Raises
    ------
    DivergenceError
        If a loss stops being a finite number: on a CPU before anything moves, elsewhere within
        a few steps, and always before an epoch is reported or a state is saved.
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
            state.losses.look()
            terms = state.take_means()
        yield Progress(state.step, epoch, state.step * len(batch.index), terms)


def update(
    state: TrainState, batch: Batch, config: TrainingConfig, *, total: int, runtime: Runtime
) -> dict[str, Tensor]:
    """Run every phase that is due, move the averages, keep a guide; return the loss terms.

    Gradients reach a phase's weights alone, while the graphs of all of them may pass through the
    whole network: a phase can use what an earlier one has computed in the same step.
    """
    objective = state.objective
    terms: dict[str, Tensor] = {}
    state.set_training()
    several = len(objective.phases) > 1
    for phase in objective.phases:
        first, last = span(phase, total)
        if not first <= state.step < last or (state.step - first) % phase.every:
            continue
        prefix = f"{phase.name}_" if several else ""
        with runtime.autocast():
            losses = objective.loss(phase.name, batch, state.step / total)
        state.losses.note(state.step + 1, f"{prefix}loss", losses["loss"])
        optimizer = state.optimizers[phase.name]
        parameters = optimizer.param_groups[0]["params"]
        for parameter in parameters:
            parameter.grad = None
        torch.autograd.backward(losses["loss"], inputs=parameters)
        if config.clip_norm:
            torch.nn.utils.clip_grad_norm_(parameters, config.clip_norm)
        factor = state.rate_scale * rate_factor(config, state.step - first, last - first)
        optimizer.param_groups[0]["lr"] = config.learning_rate * factor
        optimizer.step()
        terms |= {prefix + name: value.detach().float() for name, value in losses.items()}
    for average in state.averages:
        average.update(state.step)
    if state.step + 1 == _guide_step(state.network, total):
        state.keep_guide()
    return terms


@torch.no_grad()
def validate(
    objective: Objective,
    batches: Iterable[Batch],
    *,
    seed: int,
    runtime: Runtime,
    phases: Collection[str] | None = None,
) -> dict[str, float]:
    """Return the means of the loss terms over validation batches.

    The noise is drawn from `seed` alone, and the random states of training stay as they are.

    Parameters
    ----------
    phases
        Names of those to ask; by default all.
    """
    objective.network.eval()
    sums: dict[str, float] = {}
    count = 0
    asked = [phase for phase in objective.phases if phases is None or phase.name in phases]
    devices = [runtime.device] if runtime.device.type == "cuda" else []
    with torch.random.fork_rng(devices), runtime.autocast():
        torch.manual_seed(seed)
        for cpu_batch in batches:
            batch = cpu_batch.to(runtime.device)
            count += len(batch.index)
            for phase in asked:
                prefix = f"{phase.name}_" if len(objective.phases) > 1 else ""
                for name, value in objective.loss(phase.name, batch).items():
                    key = prefix + name
                    sums[key] = sums.get(key, 0.0) + float(value) * len(batch.index)
    return {name: total / count for name, total in sums.items()}


def _guide_step(network: nn.Module, total: int) -> int | None:
    share = network.guide_share if isinstance(network, Autoguided) else None
    return None if share is None else max(1, round(share * total))


def _weights(config: TrainingConfig) -> list[Weight]:
    if config.ema_half_lives is not None:
        return [weight_of_half_life(share) for share in config.ema_half_lives]
    return [] if config.ema_decay is None else [weight_of_decay(config.ema_decay)]


def _optimizer(phase: Phase, config: TrainingConfig) -> torch.optim.Optimizer:
    parameters = phase.parameters()
    rate, decay, epsilon = config.learning_rate, config.weight_decay, config.epsilon
    if config.optimizer == "rmsprop":
        # Keras' rho, which the studies use; torch's default is 0.99. It has no fused form, and
        # its other default is a loop over the weights.
        return torch.optim.RMSprop(
            parameters, rate, alpha=0.9, eps=epsilon, weight_decay=decay, foreach=True
        )
    if config.optimizer == "muon":
        return Muon(parameters, rate, betas=config.betas, eps=epsilon, weight_decay=decay)
    family = torch.optim.AdamW if config.optimizer == "adamw" else torch.optim.Adam
    return family(parameters, rate, betas=config.betas, eps=epsilon, weight_decay=decay, fused=True)
