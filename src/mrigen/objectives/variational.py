"""The evidence lower bound with a normal likelihood."""

import math
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor

from mrigen.config import Config
from mrigen.data.loader import Batch
from mrigen.models.vae import VAE, Posterior
from mrigen.objectives.base import Phase


class VariationalConfig(Config):
    """Evidence lower bound of a VAE.

    `noise_std` is the standard deviation of a pixel around the decoder's answer, in units of
    the image range: it sets how many bits a difference is worth.
    """

    name: Literal["variational"]
    noise_std: float = Field(0.1, gt=0, le=1)
    kl_weight: float = Field(1.0, ge=0, description="1 is the bound itself; more is a beta-VAE")


class Variational:
    """Negative evidence lower bound in nats per image.

    Parameters
    ----------
    network
        A VAE.
    config
        Likelihood and weight of the divergence.

    Notes
    -----
    Both parts are sums: squared error over pixels, divergence over latents. Tablado weighed a
    mean over pixels by 1000 against a sum over latents, which weakens the likelihood by
    `128 ** 2 / 2000`, about 8, even for a noise as wide as the image range, and empties the latent.

    References
    ----------
    Kingma and Welling 2014, doi:10.48550/arXiv.1312.6114
    """

    def __init__(self, network: VAE, config: VariationalConfig) -> None:
        self.network = network
        self.config = config
        self.phases = (Phase("network", network),)

    def loss(
        self,
        phase: str,  # noqa: ARG002
        batch: Batch,
        progress: float = 1.0,  # noqa: ARG002
    ) -> dict[str, Tensor]:
        """Return the bound per image, its two parts, and the rate in bits."""
        reconstruction, posterior = self.network(batch.input)
        squared = (reconstruction.float() - batch.target).square().flatten(1)
        # The constant log(noise_std * sqrt(2 pi)) per pixel is left out: it moves nothing.
        distortion = squared.sum(1).mean() / (2 * self.config.noise_std**2)
        divergence = kl_divergence(posterior).mean()
        return {
            "loss": distortion + self.config.kl_weight * divergence,
            "mse": squared.mean().detach(),
            "distortion_nats": distortion.detach(),
            "rate_bits": divergence.detach() / math.log(2),
        }


def kl_divergence(posterior: Posterior) -> Tensor:
    """Return the (N,) divergence from a diagonal normal to the standard normal, in nats."""
    mean, log_variance = posterior.mean.float(), posterior.log_variance.float()
    return 0.5 * torch.sum(mean.square() + log_variance.exp() - 1 - log_variance, dim=1)
