"""The non-saturating adversarial loss."""

from typing import Literal

import torch
from pydantic import Field
from torch import Tensor
from torch.nn.functional import softplus

from mrigen.config import Config
from mrigen.data.loader import Batch
from mrigen.models.feliu_gan import FeliuGAN
from mrigen.objectives.base import Phase


class AdversarialConfig(Config):
    """Non-saturating loss, with an optional penalty on the discriminator's slope at real images."""

    name: Literal["adversarial"]
    r1_weight: float = Field(0.0, ge=0, description="gamma of the R1 penalty; 0 is off")


class Adversarial:
    """Discriminator and generator, each with its own loss, one step each.

    Parameters
    ----------
    network
        A pair of generator and discriminator that answers logits.
    config
        Weight of the penalty.

    Notes
    -----
    The parent code of Feliu's study took a sigmoid in the network and another in the loss, which
    keeps the generator's loss between 0.31 and 0.69 and starves it of gradient; here the sigmoid
    is inside the loss alone.

    References
    ----------
    Goodfellow et al. 2014, doi:10.48550/arXiv.1406.2661; R1: Mescheder et al. 2018,
    doi:10.48550/arXiv.1801.04406
    """

    def __init__(self, network: FeliuGAN, config: AdversarialConfig) -> None:
        self.network = network
        self.r1_weight = config.r1_weight
        self.phases = (
            Phase("discriminator", network.discriminator),
            Phase("generator", network.generator),
        )

    def loss(
        self,
        phase: str,
        batch: Batch,
        progress: float = 1.0,  # noqa: ARG002
    ) -> dict[str, Tensor]:
        """Return the loss of the named phase in nats per image."""
        if phase == "generator":
            return {"loss": softplus(-self._judge_generated(batch)).mean()}
        with torch.no_grad():
            fake = self._generate(batch)
        real = batch.target.detach().requires_grad_(torch.is_grad_enabled())
        real_logits = self.network.discriminator(real).float()
        fake_logits = self.network.discriminator(fake).float()
        entropy = softplus(-real_logits).mean() + softplus(fake_logits).mean()
        # Validation has no penalty, so the loss alone cannot be compared between the two.
        terms = {"loss": entropy, "cross_entropy": entropy.detach()}
        if self.r1_weight > 0 and torch.is_grad_enabled():
            (slope,) = torch.autograd.grad(real_logits.sum(), real, create_graph=True)
            penalty = slope.float().square().flatten(1).sum(1).mean()
            terms["loss"] = terms["loss"] + self.r1_weight / 2 * penalty
            terms["r1"] = penalty.detach()
        terms["real_logit"] = real_logits.mean().detach()
        terms["fake_logit"] = fake_logits.mean().detach()
        return terms

    def _generate(self, batch: Batch) -> Tensor:
        shape = (len(batch.target), *self.network.noise_shape)
        return self.network.sample(torch.randn(shape, device=batch.target.device))

    def _judge_generated(self, batch: Batch) -> Tensor:
        logits: Tensor = self.network.discriminator(self._generate(batch))
        return logits.float()
