"""How improbable a VAE finds what it sees."""

import math

import torch
from torch import Tensor
from torch.nn import functional

from mrigen.errors import DataError
from mrigen.models.sampling import CHUNK
from mrigen.models.vae import VAE
from mrigen.seeds import seeded_noise, torch_seed

DRAWS = 8  # of an evaluation that does not say otherwise


def latent_noise(vae: VAE, *, draws: int, seed: int) -> Tensor:
    """Return the noise behind the latents of a reconstruction probability, (draws, latent_size).

    Raises
    ------
    DataError
        If there is no draw.
    """
    if draws < 1:
        raise DataError(f"a reconstruction probability of {draws} draws: expected at least 1.")
    first = torch_seed(seed, "reconstruction probability")
    return seeded_noise(range(first, first + draws), (vae.latent_size,))


def least_surprise(vae: VAE) -> float:
    """Return the least that `negative_log_likelihood` can be, in nats.

    That of an answer without error, drawn without spread.
    """
    return 0.5 * (float(vae.log_noise_variance) + math.log(2 * math.pi))


@torch.inference_mode()
def negative_log_likelihood(vae: VAE, images: Tensor, noise: Tensor) -> Tensor:
    """Return how improbable a VAE finds each pixel; `reconstruction_probability_map` says how.

    Parameters
    ----------
    vae
        In evaluation mode.
    images : (N, 1, H, W) float32 in [0, 1]
        Where the network is, as the noise.
    noise : (draws, latent_size) float32
        Of the latents.

    Returns
    -------
    (N, 1, H, W) in nats
    """
    posterior = vae.encode(images)
    mean, squares = torch.zeros_like(images), torch.zeros_like(images)
    # Welford's sums: differences of large squares would lose the small variance of the draws.
    for count, row in enumerate(noise, start=1):
        answer = vae.decode(posterior.at(row))
        change = answer - mean
        mean = mean + change / count
        squares = squares + change * (answer - mean)
    variance = squares / len(noise) + vae.log_noise_variance.exp()
    squared = (images - mean).square() / variance
    return 0.5 * (squared + variance.log() + math.log(2 * math.pi))


@torch.inference_mode()
def surprise_chunk(vae: VAE, images: Tensor) -> Tensor:
    """Return how much less probable a VAE finds each pixel than the best it could be.

    Parameters
    ----------
    vae
        In evaluation mode.
    images : (N, 1, H, W) float32 in [0, 1], N from 1 to `CHUNK`

    Returns
    -------
    (N, 1, H, W) float32 on the CPU
        In nats, from 0; unsmoothed, with the draws and the seed that an evaluation has by default.
        The network always sees `CHUNK` images, so that no answer depends on what is asked beside
        it.
    """
    device = vae.log_noise_variance.device
    noise = latent_noise(vae, draws=DRAWS, seed=0).to(device)
    filled = functional.pad(images, (0, 0) * 3 + (0, CHUNK - len(images))).to(device)
    found = negative_log_likelihood(vae, filled, noise)[: len(images)].float().cpu()
    return (found - least_surprise(vae)).clamp(min=0)
