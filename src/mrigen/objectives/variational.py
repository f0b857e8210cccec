"""The evidence lower bound of a variational autoencoder."""

import math
from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from mrigen.config import Config
from mrigen.data.loader import Batch
from mrigen.errors import ModelError
from mrigen.models.posterior import count_active, divergences
from mrigen.models.vae import VAE
from mrigen.objectives.base import Phase

# Below a quarter of a grey level of 8 bits a density says nothing about pixels.
_MIN_LOG_VARIANCE = 2 * math.log(1e-3)
_MAX_LOG_VARIANCE = 2 * math.log(10)
# A learned logarithm has further to go than a weight, in as many steps of the same size. It starts
# at the spread of pixels: from below, the first steep slopes would slow Adam for a long time.
_SPEED = 30.0
_START_LOG_VARIANCE = 2 * math.log(0.3)
_LEAST_PROBABILITY = 1e-6

NoiseStd = Annotated[float, Field(gt=0, le=10)]


class VariationalConfig(Config):
    """Evidence lower bound of a VAE.

    `noise_std` is the standard deviation of a pixel around the decoder's answer, in units of
    the image range: it sets how many bits a difference is worth.
    """

    name: Literal["variational"]
    likelihood: Literal["normal", "bernoulli"] = "normal"
    noise_std: NoiseStd | Literal["learned", "optimal"] = Field(
        0.1, description="of the normal likelihood; the other has none"
    )
    kl_weight: float = Field(1.0, ge=0, description="1 is the bound itself; more is a beta-VAE")
    kl_warmup: float = Field(
        0.0, ge=0, le=1, description="share of the training in which kl_weight grows from 0"
    )
    free_bits: float = Field(
        0.0, ge=0, le=10, description="nats per latent that the loss does not charge for"
    )


class Variational:
    """Negative evidence lower bound in nats per image.

    Parameters
    ----------
    network
        A VAE.
    config
        Likelihood, and how the divergence is weighed.

    Notes
    -----
    The "loss" is `distortion_nats`, the negative log-likelihood of an image, plus the divergence
    in nats times its weight. Both parts are sums: over pixels, and over latents. With a fixed
    noise the constant `log(noise_std * sqrt(2 pi))` per pixel is left out, since it moves nothing;
    with a learned or optimal noise it is in, so that losses of different trainings compare.

    Noise that is "learned" is one logarithm of a variance, trained with the weights. "optimal"
    takes for every batch the variance that suits it best, its mean squared error, which gives
    the same gradient as minimising `pixels / 2 * log(mean squared error)`. Either way a better
    decoder makes for a smaller noise, and a smaller noise for a latent that may carry more.
    In evaluation mode both take the noise that the network has stored.

    `free_bits` are counted per latent and on the mean over the batch: a latent is charged for
    `max(free_bits, its mean divergence)`, so none gains by carrying less. The loss is then no
    bound any more; `rate_bits` is always the whole divergence.

    Tablado weighed a mean over pixels by 1000 against a sum over latents, which at 128 x 128 is
    eight times too little for a noise as wide as the image range, and empties the latent. It is
    `pixel_scale` 2.008 in the network and `noise_std` 1.4254 here.

    References
    ----------
    Kingma and Welling 2014, doi:10.48550/arXiv.1312.6114; optimal noise: Rybkin et al. 2021,
    doi:10.48550/arXiv.2006.13202; free bits: Kingma et al. 2016, doi:10.48550/arXiv.1606.04934;
    active units: Burda et al. 2016, doi:10.48550/arXiv.1509.00519
    """

    def __init__(self, network: VAE, config: VariationalConfig) -> None:
        if config.likelihood == "bernoulli" and network.pixel_scale != 1:
            raise ModelError(
                f"a 'bernoulli' likelihood takes pixels from 0 to 1, and this 'vae' has a "
                f"'pixel_scale' of {network.pixel_scale}: set it to 1 or use 'normal'."
            )
        self.network = network
        self.config = config
        self.learned: LearnedNoise | None = None
        if config.likelihood == "normal" and config.noise_std == "learned":
            self.learned = LearnedNoise()
        if config.likelihood == "normal" and isinstance(config.noise_std, float):
            network.log_noise_variance.fill_(2 * math.log(config.noise_std))
        self.phases = (Phase("network", network, extra=self.learned),)

    def loss(
        self,
        phase: str,  # noqa: ARG002
        batch: Batch,
        progress: float = 1.0,
    ) -> dict[str, Tensor]:
        """Return the bound per image, its two parts, and the rate in bits."""
        label = batch.augmentation if self.network.label_size else None
        answer, posterior = self.network(batch.input, label)
        answer = answer.float()
        squared = (answer - batch.target).square().mean()
        if self.config.likelihood == "bernoulli":
            distortion = _cross_entropy(answer, batch.target)
            self._remember(_optimal(squared))
        else:
            distortion = self._normal(squared, batch.target[0].numel())
        per_latent = divergences(posterior).mean(0)
        charged = per_latent.clamp(min=self.config.free_bits).sum()
        return {
            "loss": distortion + self._kl_weight(progress) * charged,
            "mse": squared.detach(),
            "distortion_nats": distortion.detach(),
            "rate_bits": per_latent.detach().sum() / math.log(2),
            "active_units": count_active(posterior.mean.detach().float()).float(),
            "noise_std": torch.exp(0.5 * self.network.log_noise_variance),
        }

    def _normal(self, squared: Tensor, pixels: int) -> Tensor:
        if isinstance(self.config.noise_std, float):
            return squared * (pixels / (2 * self.config.noise_std**2))
        log_variance = self.network.log_noise_variance
        if self.network.training:
            log_variance = _optimal(squared) if self.learned is None else self.learned()
            self._remember(log_variance)
        constant = math.log(2 * math.pi)
        return 0.5 * pixels * (squared * torch.exp(-log_variance) + log_variance + constant)

    @torch.no_grad()
    def _remember(self, log_variance: Tensor) -> None:
        if self.network.training:
            self.network.log_noise_variance.copy_(log_variance)

    def _kl_weight(self, progress: float) -> float:
        grown = min(1.0, progress / self.config.kl_warmup) if self.config.kl_warmup else 1.0
        return self.config.kl_weight * grown


class LearnedNoise(nn.Module):
    """The logarithm of a variance as a parameter."""

    def __init__(self) -> None:
        super().__init__()
        self.value = nn.Parameter(torch.tensor(_START_LOG_VARIANCE / _SPEED))

    def forward(self) -> Tensor:
        """Return the logarithm, within what makes sense for pixels in [0, 1]."""
        return (self.value * _SPEED).clamp(_MIN_LOG_VARIANCE, _MAX_LOG_VARIANCE)


def _optimal(squared: Tensor) -> Tensor:
    # A constant to the gradient: at the best variance its own slope is zero.
    return squared.detach().log().clamp(_MIN_LOG_VARIANCE, _MAX_LOG_VARIANCE)


def _cross_entropy(answer: Tensor, target: Tensor) -> Tensor:
    """Return the binary cross-entropy summed over pixels, in nats per image."""
    # Torch's own is refused under autocast.
    answer = answer.clamp(_LEAST_PROBABILITY, 1 - _LEAST_PROBABILITY)
    entropy = target * answer.log() + (1 - target) * torch.log1p(-answer)
    return -entropy.flatten(1).sum(1).mean()
