"""Judge what the latents of a model carry."""

from mrigen.data.loader import TEST, TRAIN, VALIDATION
from mrigen.evaluation.case import Case
from mrigen.evaluation.judgement import Judgement
from mrigen.evaluation.latent.bound import evaluate_latent
from mrigen.models.vae import VAE


def judge_latent(case: Case) -> Judgement:
    """Judge a variational autoencoder; anything else is judged by nothing."""
    judgement = Judgement()
    network, config = case.network, case.config
    if not isinstance(network, VAE) or config.latent is None:
        return judgement
    # The best noise is a number learned from slices: never from those that judge.
    other = VALIDATION if len(case.rows(VALIDATION)) else TRAIN
    judgement.metrics |= evaluate_latent(
        network,
        test=case.batches(TEST, config.slices),
        calibration=case.batches(other, config.slices),
        seed=case.seed,
        device=case.device,
    )
    return judgement
