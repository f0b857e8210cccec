"""`flow` over the latents of an autoencoder, as a contender of `flow_comparison.py`.

The network, loss, solver, conditions, averages and optimiser are those of `flow`; in place of the
cosine coefficients of pixel blocks stand latents on a grid as large, of which there are a quarter
as many as pixels. The autoencoder learns first, from the mean absolute error and a little
divergence; then its latents are whitened: with their mean and covariance over training slices they
become uncorrelated channels of variance 1. It has no adversarial and no perceptual term, and the
weights that are kept are the first average's at the end: there are no looks. Rates fall with the
seconds.
"""

import math
from collections.abc import Iterator
from typing import Any

import torch
from flow_latent_network import Autoencoder, LatentFlow, Latents
from flow_training import Bench, Trained, draws_of
from torch import Tensor
from torch.nn.functional import l1_loss

from mrigen.data.loader import TRAIN, Batch, SliceDataset, ordered_batches, training_batches
from mrigen.model_config import ModelConfig
from mrigen.models.build import count_parameters
from mrigen.models.flow.config import FlowConfig
from mrigen.models.interfaces import Condition
from mrigen.objectives.flow_matching import FlowMatching, FlowMatchingConfig
from mrigen.seeds import torch_seed
from mrigen.training.config import TrainingConfig
from mrigen.training.loop import start_state, update

RECIPE: dict[str, Any] = {
    "latent_channels": 4,
    "width": 48,
    "kl_weight": 1e-6,
    "learning_rate": 1e-3,
    "batch_size": 16,
    "autoencoder_share": 0.3,
}
_MEASURED = 1024  # slices that mean and covariance are of


def train(bench: Bench, entry: ModelConfig) -> Trained:
    """Train one after the other until the seconds are over.

    Parameters
    ----------
    bench
        What all contenders have in common.
    entry
        That of `flow`, whose network, objective and training are taken over.

    Raises
    ------
    ModelError
        If the network does not suit the slices.
    """
    torch.manual_seed(torch_seed(bench.seed, "initialise"))
    start, seconds = bench.budget.now(), bench.budget.seconds
    share = RECIPE["autoencoder_share"]
    autoencoder = Autoencoder(RECIPE["latent_channels"], RECIPE["width"])
    autoencoder.to(bench.runtime.device, memory_format=torch.channels_last)
    updates = _train_autoencoder(bench, autoencoder, start, share * seconds)
    learnt, _ = count_parameters(autoencoder)  # before it is frozen
    config, objective, training = entry.network, entry.objective, entry.training
    assert isinstance(config, FlowConfig)
    assert isinstance(objective, FlowMatchingConfig)
    network = LatentFlow(config, bench.store.size, Latents(autoencoder, _clean(bench)))
    begun, guided = bench.budget.now(), False
    training = training.model_copy(update={"schedule": "constant"})
    state = start_state(FlowMatching(network, objective), training, bench.runtime)
    for batch in _batches(bench, training, network.conditions):
        # Of the seconds that are left, if any are.
        done = (bench.budget.now() - begun) / max(start + seconds - begun, 1e-6)
        if done >= 1 and state.step:
            break
        state.rate_scale = _falling(done)
        # Of a training without an end, whose rate falls with the seconds.
        state.add(update(state, batch, training, total=2**31, runtime=bench.runtime))
        state.step += 1
        if network.guide_share is not None and done >= network.guide_share and not guided:
            state.keep_guide()
            guided = True
    state.losses.look()
    drawn = state.final_network.eval()
    spent = bench.budget.now() - start
    images = {
        "autoencoder_images": updates * RECIPE["batch_size"],
        "flow_images": state.step * training.batch_size,
    }
    learnt += count_parameters(state.network)[0]
    return Trained(spent, sum(images.values()), learnt, draws_of(bench, drawn), {**images})


def _train_autoencoder(bench: Bench, autoencoder: Autoencoder, start: float, seconds: float) -> int:
    optimizer = torch.optim.Adam(autoencoder.parameters(), RECIPE["learning_rate"], fused=True)
    slices = SliceDataset(bench.store, TRAIN, corruption=None, seed=bench.seed)
    stream = training_batches(slices, batch_size=RECIPE["batch_size"], device=bench.runtime.device)
    for updates, batch in enumerate(stream):
        done = (bench.budget.now() - start) / seconds
        if done >= 1 and updates:
            return updates
        optimizer.param_groups[0]["lr"] = RECIPE["learning_rate"] * _falling(done)
        with bench.runtime.autocast():
            mean, log_variance = autoencoder.encode(batch.target)
            latents = mean + (log_variance / 2).exp() * torch.randn_like(mean)
            error = l1_loss(autoencoder.decoder(latents).float(), batch.target)
        apart = 0.5 * (mean.square() + log_variance.exp() - log_variance - 1)
        loss = error + RECIPE["kl_weight"] * apart.sum((1, 2, 3)).mean()
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
    raise AssertionError("training batches have no end")


def _clean(bench: Bench) -> Iterator[Tensor]:
    slices = SliceDataset(bench.store, TRAIN, corruption=None, seed=bench.seed)
    device = bench.runtime.device
    for batch in ordered_batches(slices, batch_size=64, limit=_MEASURED, device=device):
        yield batch.target


def _batches(
    bench: Bench, training: TrainingConfig, conditions: tuple[Condition, ...]
) -> Iterator[Batch]:
    slices = SliceDataset(
        bench.store,
        TRAIN,
        corruption=None,
        seed=bench.seed,
        augmentation=training.augmentation,
        covariates=conditions,
    )
    return training_batches(slices, batch_size=training.batch_size, device=bench.runtime.device)


def _falling(done: float) -> float:
    """Return what a rate is multiplied by after that share of its time."""
    return 0.5 * (1 + math.cos(math.pi * min(done, 1.0)))
