"""The loss of a vector-quantised autoencoder, and then of a prior over its codes."""

import math
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from mrigen.config import Config
from mrigen.data.loader import Batch
from mrigen.models.quantiser import FiniteScalar, LearnedCodebook, Quantised, count_codes
from mrigen.models.vqvae import VQVAE, GenerativeVQVAE
from mrigen.objectives.base import Phase


class QuantizedConfig(Config):
    """Loss of a vector-quantised autoencoder.

    `data_variance` divides the mean squared error, on pixels in [0, 1]; Tablado's 0.37676, on
    pixels in [0, 255 / 127], is 0.093453 here. A code that no vector was nearest to in
    `dead_code_steps` training steps starts anew on a vector of the current batch; null lets it
    rest. With a code prior, `prior_share` is the last part of the training, in which the prior
    alone learns.
    """

    name: Literal["quantized"]
    commitment_weight: float = Field(0.25, ge=0, le=100)
    data_variance: float = Field(1.0, gt=0, le=100)
    dead_code_steps: int | None = Field(None, ge=1)
    prior_share: float = Field(0.3, gt=0, lt=1)


class Quantized:
    """Squared error, and the distances between vectors and codes; then the prior's likelihood.

    Parameters
    ----------
    network
        A VQ-VAE with or without a prior.
    config
        Weights of the terms.

    Notes
    -----
    The loss is the mean squared error over `data_variance`, plus `commitment_weight` times the
    mean squared distance from the vectors to their codes, plus, for a codebook that learns by
    gradient, the same distance from the codes to the vectors. Finite scalar quantisation has no
    such distances.

    While the prior learns, the autoencoder stands still: in evaluation mode, without gradient.
    The codes are those of the network that moves, and the network that is kept is its average;
    from the prior's first step on the average closes in on a network that stands still, and after
    a few times `1 / (1 - ema_decay)` steps both make the same codes.

    References
    ----------
    van den Oord et al. 2017, doi:10.48550/arXiv.1711.00937; codes that start anew: Dhariwal et
    al. 2020, doi:10.48550/arXiv.2005.00341
    """

    def __init__(self, network: VQVAE | GenerativeVQVAE, config: QuantizedConfig) -> None:
        self.network = network
        self.config = config
        self.autoencoder = network if isinstance(network, VQVAE) else network.autoencoder
        self.usage = CodeUsage(self.autoencoder.num_codes)
        self.phases = self._phases()

    def _phases(self) -> tuple[Phase, ...]:
        if isinstance(self.network, VQVAE):
            return (Phase("network", self.network, extra=self.usage),)
        begin = 1 - self.config.prior_share
        return (
            Phase("autoencoder", self.autoencoder, stop=begin, extra=self.usage),
            Phase("prior", self.network.code_prior, start=begin),
        )

    def loss(
        self,
        phase: str,
        batch: Batch,
        progress: float = 1.0,  # noqa: ARG002
    ) -> dict[str, Tensor]:
        """Return the loss of a phase and its parts."""
        return self._prior(batch) if phase == "prior" else self._autoencoder(batch)

    def _autoencoder(self, batch: Batch) -> dict[str, Tensor]:
        answer, quantised = self.autoencoder(batch.input)
        mse = functional.mse_loss(answer.float(), batch.target)
        distance = self._distance(quantised)
        if self.autoencoder.training:
            self._restart_dead_codes(quantised)
        counts = count_codes(quantised.codes, self.autoencoder.num_codes)
        shares = counts / counts.sum()
        places = quantised.codes[0].numel()
        return {
            "loss": mse / self.config.data_variance + distance,
            "mse": mse.detach(),
            "vq": distance.detach(),
            "perplexity": torch.special.entr(shares).sum().exp(),
            "codes_in_use": (counts > 0).sum().float(),
            "most_bits": mse.new_tensor(places * math.log2(self.autoencoder.num_codes)),
        }

    def _distance(self, quantised: Quantised) -> Tensor:
        quantiser, encoded, nearest = (
            self.autoencoder.quantiser,
            quantised.encoded,
            quantised.nearest,
        )
        if isinstance(quantiser, FiniteScalar):
            return encoded.new_zeros(())
        distance = self.config.commitment_weight * functional.mse_loss(encoded, nearest.detach())
        if isinstance(quantiser, LearnedCodebook):
            distance = distance + functional.mse_loss(nearest, encoded.detach())
        return distance

    @torch.no_grad()
    def _restart_dead_codes(self, quantised: Quantised) -> None:
        quantiser, limit = self.autoencoder.quantiser, self.config.dead_code_steps
        if limit is None or isinstance(quantiser, FiniteScalar):
            return
        dead = self.usage.idle_after(quantised.codes) >= limit
        vectors = quantised.encoded.movedim(1, -1).flatten(0, -2)
        # As many draws at every step as there are codes: nothing waits for the device.
        drawn = torch.randint(len(vectors), dead.shape, device=dead.device)
        quantiser.replace(dead, vectors[drawn])
        self.usage.idle.masked_fill_(dead, 0)

    def _prior(self, batch: Batch) -> dict[str, Tensor]:
        assert isinstance(self.network, GenerativeVQVAE)
        self.autoencoder.eval()
        with torch.no_grad():
            codes = self.autoencoder.encode_codes(batch.input).flatten(1)
        nats = self.network.code_prior.nats_per_code(codes)
        return {
            "loss": nats,
            "nats_per_code": nats.detach(),
            "bits_per_image": nats.detach() * codes.shape[1] / math.log(2),
        }


class CodeUsage(nn.Module):
    """For how many training steps each code has not been used."""

    idle: Tensor

    def __init__(self, num_codes: int) -> None:
        super().__init__()
        self.register_buffer("idle", torch.zeros(num_codes, dtype=torch.long))

    def idle_after(self, codes: Tensor) -> Tensor:
        """Count one step in which these codes were used; return the (num_codes,) counts."""
        self.idle.add_(1).masked_fill_(count_codes(codes, len(self.idle)) > 0, 0)
        return self.idle
