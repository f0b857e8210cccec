"""What the latent of a VAE carries, and what its model of images is worth."""

import math
from collections.abc import Iterable
from typing import NamedTuple

import torch
from torch import Tensor

from mrigen.errors import DataError
from mrigen.models.posterior import count_active, kl_divergence
from mrigen.models.vae import VAE
from mrigen.seeds import seeded_noise

_GREY_LEVELS = 255  # steps of 8 bits between 0 and 1
_LEAST_VARIANCE = 1e-6  # a quarter of a grey level: below it a density says nothing about pixels


def evaluate_latent(
    network: VAE,
    *,
    test: Iterable[Tensor],
    calibration: Iterable[Tensor],
    seed: int,
    device: torch.device | str = "cpu",
) -> dict[str, float]:
    """Measure rate, use of the latent and the evidence lower bound on test slices.

    Parameters
    ----------
    network
        In evaluation mode on `device`.
    test
        Batches (n, 1, H, W) of slices that judge.
    calibration
        Batches of other slices than those, from which the best constant noise is taken.
    seed
        The posterior of slice `i` is drawn from once, with the seed `seed + i`.
    device
        Where the network is.

    Returns
    -------
    dict
        `rate_bits`: divergence of the posteriors from the prior, in bits per image.
        `active_units` of `latent_size`: latents whose posterior mean has a variance above 0.01
        over the test slices. `noise_std`: of a pixel around the decoder's answer, as trained;
        `elbo_nats`: the evidence lower bound of an image in [0, 1] under that noise, and
        `bits_per_pixel`: what a pixel of 8 bits costs by that bound. `calibrated_noise_std` is
        the root of the mean squared error on the calibration slices, and
        `calibrated_elbo_nats` and `calibrated_bits_per_pixel` are the bound under it.

    Raises
    ------
    DataError
        If there are no slices.

    Notes
    -----
    A loss with its own weights says nothing of how likely images are; under the best constant
    noise, models of any weights compare. That noise is not taken from the test slices: a model
    would be given credit for what it was told about them.

    References
    ----------
    Active units: Burda et al. 2016, doi:10.48550/arXiv.1509.00519; calibrated noise: Rybkin et
    al. 2021, doi:10.48550/arXiv.2006.13202
    """
    told = _encode(network, calibration, seed=seed, device=device)
    found = _encode(network, test, seed=seed, device=device)
    pixels = network.image_size**2
    own = float(network.log_noise_variance)
    best = math.log(max(float(told.squared.mean()) / pixels, _LEAST_VARIANCE))
    metrics = {
        "rate_bits": float(found.rate.mean()) / math.log(2),
        "active_units": float(count_active(found.means)),
        "latent_size": float(network.latent_size),
    }
    for prefix, log_variance in (("", own), ("calibrated_", best)):
        elbo = _bound(found, log_variance, pixels)
        metrics[f"{prefix}noise_std"] = math.exp(0.5 * log_variance)
        metrics[f"{prefix}elbo_nats"] = elbo
        metrics[f"{prefix}bits_per_pixel"] = math.log2(_GREY_LEVELS) - elbo / pixels / math.log(2)
    return metrics


class _Found(NamedTuple):
    """Of each slice: squared error summed over pixels, rate in nats, posterior mean."""

    squared: Tensor
    rate: Tensor
    means: Tensor


@torch.inference_mode()
def _encode(
    network: VAE, batches: Iterable[Tensor], *, seed: int, device: torch.device | str
) -> _Found:
    squared, rates, means = [], [], []
    first = seed
    for images in batches:
        posterior = network.encode(images.to(device))
        noise = seeded_noise(range(first, first + len(images)), (network.latent_size,)).to(device)
        first += len(images)
        answer = network.decode(posterior.at(noise))
        error = answer.float().cpu() - images
        squared.append(error.double().square().flatten(1).sum(1))
        rates.append(kl_divergence(posterior).double().cpu())
        means.append(posterior.mean.double().cpu())
    if not squared:
        raise DataError("there are no slices to encode: give every split more subjects.")
    return _Found(torch.cat(squared), torch.cat(rates), torch.cat(means))


def _bound(found: _Found, log_variance: float, pixels: int) -> float:
    """Return the mean evidence lower bound of an image, in nats."""
    constant = pixels * (log_variance + math.log(2 * math.pi))
    distortion = 0.5 * (found.squared * math.exp(-log_variance) + constant)
    return -float((distortion + found.rate).mean())
