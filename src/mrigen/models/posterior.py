"""The normal over latents that an encoder answers, and how far it is from the prior."""

from typing import NamedTuple

import torch
from torch import Tensor

#: A latent whose posterior mean varies more than this over images is in use.
ACTIVE_VARIANCE = 0.01


class Posterior(NamedTuple):
    """Diagonal normal over the latent: two (N, latent_size) tensors."""

    mean: Tensor
    log_variance: Tensor

    def draw(self) -> Tensor:
        """Draw one latent per image from torch's default generator."""
        return self.at(torch.randn_like(self.mean))

    def at(self, noise: Tensor) -> Tensor:
        """Turn (N, latent_size) standard normal noise into latents."""
        return self.mean + torch.exp(0.5 * self.log_variance) * noise


def divergences(posterior: Posterior) -> Tensor:
    """Return how far each latent's normal is from the standard normal, (N, latent_size) nats."""
    mean, log_variance = posterior.mean.float(), posterior.log_variance.float()
    return 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance)


def kl_divergence(posterior: Posterior) -> Tensor:
    """Return the (N,) divergence from a diagonal normal to the standard normal, in nats."""
    return divergences(posterior).sum(1)


def count_active(means: Tensor) -> Tensor:
    """Count the latents in use, from the (N, latent_size) posterior means of images.

    References
    ----------
    Burda et al. 2016, doi:10.48550/arXiv.1509.00519
    """
    return (means.var(0, correction=0) > ACTIVE_VARIANCE).sum()
