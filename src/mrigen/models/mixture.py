"""A Gaussian mixture over latents, fitted after training, to draw from instead of the prior."""

import warnings
from typing import Annotated, Literal, NamedTuple

import torch
from pydantic import Field
from torch import Tensor, nn

from mrigen.config import Config

# Latents whose covariances are modelled; a file of 16 components then takes 4 MiB.
MAX_CORRELATED = 256

_DRAWS = 8192  # posterior draws to fit to, at least one per image
_IMAGES_PER_LATENT = 2  # that a component needs to have its own covariance
_FLOOR = 1e-6  # variance that a latent has at least
_REGULARISED = 1e-3  # added to every variance, in units in which each latent varies by 1
_ITERATIONS = 50


class PriorSampling(Config):
    """Decode draws from the standard normal that the posteriors are held to."""

    name: Literal["prior"] = "prior"


class MixtureSampling(Config):
    """Decode draws from a mixture fitted to the posteriors of training images."""

    name: Literal["mixture"]
    components: int = Field(16, ge=1, le=64)


Sampling = Annotated[PriorSampling | MixtureSampling, Field(discriminator="name")]


class GaussianMixture(nn.Module):
    """A sampler of latents: a mixture of normals with full covariances.

    Until it is fitted it is the prior, a standard normal. Its parameters are buffers, so that they
    travel with the weights of the network it belongs to.

    Parameters
    ----------
    latent_size
        Latents per image.
    components
        Normals in the mixture, at most.

    Notes
    -----
    A VAE is trained to decode draws from the posteriors of real images, and it is asked to decode
    draws from the prior. Where the average of all posteriors is not the prior, latents from the
    prior fall into holes that the decoder has never seen. The mixture is fitted to draws from
    those posteriors, so that its latents are of the kind that the decoder knows.

    Of the latents, the `MAX_CORRELATED` whose posterior means vary most share full covariances; any
    others, collapsed as a rule, are one normal each. With fewer than two images per latent and
    component, fewer components are used than asked for.

    References
    ----------
    Ghosh et al. 2020, From variational to deterministic autoencoders,
    doi:10.48550/arXiv.1903.12436
    """

    chosen: Tensor
    bounds: Tensor
    means: Tensor
    factors: Tensor
    rest_mean: Tensor
    rest_std: Tensor

    def __init__(self, latent_size: int, components: int) -> None:
        super().__init__()
        self.latent_size, self.components = latent_size, components
        correlated = min(latent_size, MAX_CORRELATED)
        identity = torch.eye(correlated).expand(components, -1, -1)
        self.register_buffer("chosen", torch.arange(correlated))
        self.register_buffer("bounds", torch.arange(1, components) / components)
        self.register_buffer("means", torch.zeros(components, correlated))
        self.register_buffer("factors", identity.contiguous())
        self.register_buffer("rest_mean", torch.zeros(latent_size))
        self.register_buffer("rest_std", torch.ones(latent_size))

    @property
    def noise_shape(self) -> tuple[int, ...]:
        """One number to pick the component, and one per latent."""
        return (self.latent_size + 1,)

    def forward(self, noise: Tensor) -> Tensor:
        """Turn (N, latent_size + 1) standard normal noise into (N, latent_size) latents."""
        share = torch.special.ndtr(noise[:, 0].float())
        component = torch.bucketize(share, self.bounds, right=True)
        normal = noise[:, 1:].float()
        latents = self.rest_mean + self.rest_std * normal
        # Weights come from files: a place that does not exist would end a GPU's whole process.
        chosen = self.chosen.clamp(0, self.latent_size - 1)
        # Not a matrix product, which rounds differently for other batches and in bf16.
        turned = (self.factors[component] * normal[:, None, chosen]).sum(-1)
        return latents.index_copy(1, chosen, self.means[component] + turned)

    @torch.no_grad()
    def fit(self, means: Tensor, log_variances: Tensor) -> None:
        """Fit to the posteriors of images; the same posteriors give the same mixture.

        Parameters
        ----------
        means, log_variances : (N, latent_size)
            At least one image.
        """
        means, log_variances = means.cpu().double(), log_variances.cpu().double()
        repeats = -(-_DRAWS // len(means))
        generator = torch.Generator().manual_seed(0)
        noise = torch.randn(repeats, *means.shape, generator=generator, dtype=torch.float64)
        draws = (means + torch.exp(0.5 * log_variances) * noise).flatten(0, 1)
        varying = torch.argsort(means.var(0, correction=0), descending=True, stable=True)
        chosen = varying[: len(self.chosen)].sort().values
        self.chosen.copy_(chosen)
        self.rest_mean.copy_(draws.mean(0))
        self.rest_std.copy_(draws.var(0, correction=0).clamp(min=_FLOOR).sqrt())
        affordable = len(means) // (_IMAGES_PER_LATENT * len(chosen))
        fitted = _fit(draws[:, chosen], max(1, min(self.components, affordable)))
        # Components that were too many stay as they are, and no share of the draws reaches them.
        count = len(fitted.shares)
        self.bounds.fill_(2.0)
        self.bounds[: count - 1] = fitted.shares.cumsum(0)[:-1].to(self.bounds)
        self.means[:count] = fitted.means.to(self.means)
        self.factors[:count] = fitted.factors.to(self.factors)


class _Components(NamedTuple):
    shares: Tensor
    means: Tensor
    factors: Tensor


def _fit(draws: Tensor, components: int) -> _Components:
    """Fit by expectation-maximisation to (N, M) float64 draws."""
    # Slow to import, and needed by trainings with a mixture alone.
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.mixture import GaussianMixture as Estimator

    centre = draws.mean(0)
    scale = draws.var(0, correction=0).clamp(min=_FLOOR).sqrt()
    estimator = Estimator(components, reg_covar=_REGULARISED, max_iter=_ITERATIONS, random_state=0)
    with warnings.catch_warnings():
        # After so many iterations it is close enough.
        warnings.simplefilter("ignore", ConvergenceWarning)
        estimator.fit(((draws - centre) / scale).numpy())
    factors = torch.linalg.cholesky(torch.from_numpy(estimator.covariances_))
    return _Components(
        torch.from_numpy(estimator.weights_),
        torch.from_numpy(estimator.means_) * scale + centre,
        factors * scale[:, None],
    )
