"""The network that a training leaves: the weights to keep, fitted and ready to be used."""

from torch import nn

from mrigen.data.loader import TRAIN, SliceDataset, ordered_batches
from mrigen.errors import ModelError
from mrigen.models.interfaces import Fitted
from mrigen.stages.best_weights import BestWeights
from mrigen.stages.training_job import TrainingJob

FITTED_SLICES = 8192
_BATCH = 64


def finish_network(job: TrainingJob, network: nn.Module, best: BestWeights, epochs: int) -> int:
    """Give a network the weights to keep, and what it draws from; return their epoch.

    Parameters
    ----------
    job
        What was trained.
    network
        With the weights of the last epoch; changed in place.
    best
        The weights of the epoch with the smallest validation loss.
    epochs
        Epochs that were trained.

    Raises
    ------
    ModelError
        If the best weights are to be kept and cannot be read, or no validation loss was finite.
    """
    kept = epochs
    if job.config.training.keep == "best":
        kept = _load_best(job, network, best)
    network.requires_grad_(requires_grad=False).eval()
    _fit_sampler(job, network)
    return kept


def _load_best(job: TrainingJob, network: nn.Module, best: BestWeights) -> int:
    if not best.epoch:
        raise ModelError(
            f"model '{job.model}' has no best epoch, as no validation loss was a finite number: "
            "lower 'learning_rate', or set 'keep' to 'last'."
        )
    best.load_into(network)
    return best.epoch


def _fit_sampler(job: TrainingJob, network: nn.Module) -> None:
    if not isinstance(network, Fitted):
        return
    # Slices as they are: no damage and no augmentation.
    clean = SliceDataset(job.store, TRAIN, corruption=None, seed=0)
    batches = ordered_batches(
        clean, batch_size=_BATCH, limit=FITTED_SLICES, device=job.runtime.device
    )
    network.fit_sampler(batch.target for batch in batches)
