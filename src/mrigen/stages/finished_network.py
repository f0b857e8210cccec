"""The network that a training leaves: the weights to keep, fitted and ready to be used."""

from torch import nn

from mrigen.errors import ModelError
from mrigen.models.interfaces import Fitted
from mrigen.stages.best_weights import BestWeights
from mrigen.stages.training_job import TrainingJob


def finish_network(job: TrainingJob, network: nn.Module, best: BestWeights, epochs: int) -> int:
    """Give a network the weights to keep, and what it draws from; return their epoch.

    Parameters
    ----------
    job
        What was trained.
    network
        With the weights of the last epoch; changed in place.
    best
        The best weights so far, if any are to be kept.
    epochs
        Epochs that were trained.

    Raises
    ------
    ModelError
        If the best weights are to be kept and cannot be read, or no validation loss was finite.
    """
    kept, by = epochs, job.config.training.kept_by
    # Before the first look at its images, a trial is scored with its last weights.
    if by == "loss" or (by == "kernel_distance" and best.epoch):
        kept = _load_best(job, network, best)
    network.requires_grad_(requires_grad=False).eval()
    fit_sampler(job, network)
    return kept


def _load_best(job: TrainingJob, network: nn.Module, best: BestWeights) -> int:
    if not best.epoch:
        raise ModelError(
            f"model '{job.model}' has no best epoch, as no validation loss was a finite number: "
            "lower 'learning_rate', or set 'keep' to 'last'."
        )
    best.load_into(network)
    return best.epoch


def fit_sampler(job: TrainingJob, network: nn.Module) -> None:
    """Fit what a network draws from to the training slices, if there is anything to fit."""
    if not isinstance(network, Fitted):
        return
    network.fit_sampler(job.clean_slices(job.runtime.device))
