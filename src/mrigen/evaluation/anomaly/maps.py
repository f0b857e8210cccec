"""How unusual every pixel of a slice is to a network that has learnt slices of other people."""

import math
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

from mrigen.evaluation.case import BATCH, reconstruct
from mrigen.models.interfaces import Reconstructor
from mrigen.models.surprise import latent_noise, negative_log_likelihood
from mrigen.models.vae import VAE

_REACH = 4  # standard deviations of a Gaussian that its kernel holds on either side


def residual_map(
    network: Reconstructor,
    images: Tensor,
    *,
    smoothing: float = 0.0,
    device: torch.device | str = "cpu",
) -> Tensor:
    """Return how far the network's answer to each slice is from the slice.

    Parameters
    ----------
    network
        In evaluation mode on `device`.
    images : (N, 1, H, W) float32 in [0, 1]
    smoothing
        Standard deviation in pixels of the Gaussian that the map is smoothed with; 0 leaves it.
    device
        Where the network is.

    Returns
    -------
    (N, 1, H, W) float32 in [0, 1] on the CPU
        The absolute difference; higher is more unusual.
    """

    def difference(batch: Tensor) -> Tensor:
        return (reconstruct(network, batch, device=device) - batch).abs()

    return smooth(_in_batches(difference, images), smoothing)


def reconstruction_probability_map(
    vae: VAE,
    images: Tensor,
    *,
    draws: int,
    seed: int,
    smoothing: float = 0.0,
    device: torch.device | str = "cpu",
) -> Tensor:
    """Return how improbable a VAE finds each pixel of each slice, given what it sees in it.

    Parameters
    ----------
    vae
        In evaluation mode on `device`.
    images : (N, 1, H, W) float32 in [0, 1]
    draws
        Latents drawn from the posterior of each slice, at least 1.
    seed
        Of the draws. All slices share their noise, so that the map of a slice is the same
        whatever lies beside it.
    smoothing
        Standard deviation in pixels of the Gaussian that the map is smoothed with; 0 leaves it.
    device
        Where the network is.

    Returns
    -------
    (N, 1, H, W) float32 on the CPU
        Negative log-likelihood in nats under a normal density: below 0 where the density is
        above 1; higher is more unusual.

    Raises
    ------
    DataError
        If there is no draw.

    Notes
    -----
    The paper averages the log-likelihood over the draws, under a variance that its decoder
    answers for every pixel. The decoder here has one variance for all pixels, under which that
    average ranks pixels by the mean square of their residuals: the spread of the draws would be
    added to the error, although an error matters less where the draws disagree. So every pixel
    has the normal with the mean of its draws, and with the variance of its draws and that of the
    noise together: the mixture of the draws by its first two moments. With one draw, both are the
    same.

    References
    ----------
    An and Cho 2015, "Variational autoencoder based anomaly detection using reconstruction
    probability", Special Lecture on IE 2 (1), SNU Data Mining Center.
    """
    noise = latent_noise(vae, draws=draws, seed=seed).to(device)

    def surprise(batch: Tensor) -> Tensor:
        return negative_log_likelihood(vae, batch.to(device), noise).float().cpu()

    return smooth(_in_batches(surprise, images), smoothing)


def smooth(maps: Tensor, sigma: float) -> Tensor:
    """Smooth maps with a Gaussian; a pixel at the border is a mean over the pixels there are.

    Parameters
    ----------
    maps : (N, 1, H, W) float32
    sigma
        Standard deviation in pixels; 0 gives the maps back.

    Returns
    -------
    (N, 1, H, W) float32
    """
    if sigma == 0:
        return maps
    reach = math.ceil(_REACH * sigma)
    places = torch.arange(-reach, reach + 1, dtype=torch.float64)
    kernel = torch.exp(-0.5 * (places / sigma).square()).to(maps)
    # What lies outside weighs nothing, rather than being black.
    weights = _blur(torch.ones_like(maps[:1]), kernel)
    return _blur(maps, kernel) / weights


def _blur(maps: Tensor, kernel: Tensor) -> Tensor:
    reach = len(kernel) // 2
    rows = functional.conv2d(maps, kernel[None, None, :, None], padding=(reach, 0))
    return functional.conv2d(rows, kernel[None, None, None, :], padding=(0, reach))


def _in_batches(measure: Callable[[Tensor], Tensor], images: Tensor) -> Tensor:
    parts = [measure(batch) for batch in torch.split(images, BATCH)]
    return torch.cat(parts) if parts else torch.empty_like(images)
