"""Two networks against each other, with every loss and penalty the studies and we need."""

from typing import Literal, NamedTuple, cast

import torch
from pydantic import Field, ValidationInfo, field_validator
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.utils.parametrize import ParametrizationList

from mrigen.config import Config
from mrigen.data.loader import Batch
from mrigen.errors import ModelError
from mrigen.models.interfaces import AdversarialPair
from mrigen.objectives.adversarial_losses import ADVERSARIAL_LOSSES, AdversarialLossName
from mrigen.objectives.base import Phase
from mrigen.objectives.diff_augment import DiffAugmentName, diff_augment
from mrigen.objectives.slope_penalties import gradient_penalty, zero_centred_penalty

Terms = dict[str, Tensor]


class AdversarialConfig(Config):
    """Which game is played, what holds the discriminator back, and what it is shown."""

    name: Literal["adversarial"]
    loss: AdversarialLossName = "non_saturating"
    r1_weight: float = Field(0.0, ge=0, description="gamma of the penalty at real images")
    r2_weight: float = Field(0.0, ge=0, description="gamma of the penalty at generated images")
    gradient_penalty: float = Field(0.0, ge=0, description="lambda of the penalty between them")
    simultaneous: bool = Field(
        False, description="both networks move from where they stood when the step began"
    )
    critic_steps: int = Field(1, ge=1, le=100, description="discriminator steps per generator step")
    diff_augment: tuple[DiffAugmentName, ...] = Field(
        (), description="what is done to real and generated images before they are judged"
    )

    @field_validator("critic_steps")
    @classmethod
    def _one_for_a_simultaneous_step(cls, steps: int, info: ValidationInfo) -> int:
        loss = info.data.get("loss")
        if steps > 1 and loss == "saturating_double_sigmoid":
            raise ValueError(f"1, because with loss '{loss}' both networks move at once")
        if steps > 1 and info.data.get("simultaneous"):
            raise ValueError("1, because with 'simultaneous' both networks move at once")
        return steps


class _Shown(NamedTuple):
    """What the discriminator is shown in one step."""

    batch: Batch
    real: Tensor
    fake: Tensor  # with the generator's graph
    # Of a simultaneous loss: the generator's loss, and its slope at `fake`.
    value: Tensor | None = None
    slope: Tensor | None = None


class Adversarial:
    """Discriminator and generator, each with its own loss, `critic_steps` to one.

    Parameters
    ----------
    network
        A generator and a discriminator that answers logits.
    config
        Loss, penalties and augmentation.

    Raises
    ------
    ModelError
        If the gradient penalty meets batch normalisation in the discriminator, or nothing holds
        back the critic of a Wasserstein loss.

    Notes
    -----
    With one critic step the generator is judged by the images that the discriminator has just
    been shown: they are made once, and their graph, which holds no weights of the discriminator,
    is kept until the generator's phase of the same step. A simultaneous step also keeps the
    slope of the generator's loss at these images, taken before the discriminator moves: the
    same updates as from two Keras gradient tapes, and one pass of the discriminator less. With
    more critic steps the generator makes its own images when it is due.

    Penalties are those of the images as shown, after augmentation. Validation has neither
    augmentation (which needs training mode) nor penalties (which need gradients): its loss is
    the game's alone, which training reports beside the sum as "game".
    """

    def __init__(self, network: AdversarialPair, config: AdversarialConfig) -> None:
        self.network = cast("nn.Module", network)
        self.pair = network
        self.config = config
        self.game = ADVERSARIAL_LOSSES[config.loss]
        self.simultaneous = config.simultaneous or self.game.simultaneous
        self._shown: _Shown | None = None
        _require_sound(network.discriminator, config)
        self.phases = (
            Phase("discriminator", network.discriminator),
            Phase("generator", network.generator, every=config.critic_steps),
        )

    def loss(
        self,
        phase: str,
        batch: Batch,
        progress: float = 1.0,  # noqa: ARG002
    ) -> Terms:
        """Return the loss of the named phase, a mean over images."""
        if phase == "generator":
            return {"loss": self._generator_loss(batch)}
        learns = torch.is_grad_enabled()
        keeps = learns and self.config.critic_steps == 1
        with torch.set_grad_enabled(keeps):
            shown = self._show(batch)
        tilts = self.simultaneous or self.config.r2_weight > 0
        real = shown.real.detach().requires_grad_(learns and self.config.r1_weight > 0)
        fake = shown.fake.detach().requires_grad_(learns and tilts)
        real_logits, fake_logits = self._judge(real, batch), self._judge(fake, batch)
        game = self.game.discriminator(real_logits, fake_logits)
        terms = {"loss": game, "game": game.detach()}
        if keeps and self.simultaneous:
            value = self.game.generator(fake_logits, real_logits)
            (slope,) = torch.autograd.grad(value, fake, retain_graph=True)
            shown = shown._replace(value=value.detach(), slope=slope)
        self._shown = shown if keeps else None
        if learns:
            self._add_penalties(terms, batch, (real, real_logits), (fake, fake_logits))
        terms["real_logit"] = real_logits.mean().detach()
        terms["fake_logit"] = fake_logits.mean().detach()
        return terms

    def _generator_loss(self, batch: Batch) -> Tensor:
        shown, self._shown = self._shown, None
        if shown is None or shown.batch is not batch or not torch.is_grad_enabled():
            shown = self._show(batch)
        if shown.slope is not None and shown.value is not None:
            # Its gradient is the slope carried on to the generator's weights; it is shifted to
            # the loss itself, for the curves.
            carried = (shown.fake * shown.slope).sum()
            return carried - carried.detach() + shown.value
        fake_logits, real_logits = self._judge(shown.fake, batch), None
        if self.game.compares:
            with torch.no_grad():
                real_logits = self._judge(shown.real, batch)
        return self.game.generator(fake_logits, real_logits)

    def _add_penalties(
        self, terms: Terms, batch: Batch, real: tuple[Tensor, Tensor], fake: tuple[Tensor, Tensor]
    ) -> None:
        config = self.config
        for name, weight, (images, logits) in (
            ("r1", config.r1_weight / 2, real),
            ("r2", config.r2_weight / 2, fake),
        ):
            if weight > 0:
                penalty = zero_centred_penalty(logits, images)
                terms["loss"] = terms["loss"] + weight * penalty
                terms[name] = penalty.detach()
        if config.gradient_penalty > 0:
            penalty = gradient_penalty(lambda points: self._judge(points, batch), real[0], fake[0])
            terms["loss"] = terms["loss"] + config.gradient_penalty * penalty
            terms["gradient_penalty"] = penalty.detach()

    def _show(self, batch: Batch) -> _Shown:
        label = self._label(batch)
        noise = torch.randn((len(batch.target), *self.pair.noise_shape), device=batch.target.device)
        fake = self.pair.sample(noise, None if label is None else {"augmentation": label})
        names = self.config.diff_augment if self.network.training else ()
        return _Shown(batch, diff_augment(batch.target, names), diff_augment(fake, names))

    def _judge(self, images: Tensor, batch: Batch) -> Tensor:
        logits: Tensor = self.pair.discriminator(images, self._label(batch))
        return logits.float()

    def _label(self, batch: Batch) -> Tensor | None:
        return batch.augmentation if self.pair.label_size else None


def _require_sound(discriminator: nn.Module, config: AdversarialConfig) -> None:
    couples = any(isinstance(module, _BatchNorm) for module in discriminator.modules())
    if config.gradient_penalty > 0 and couples:
        raise ModelError(
            f"'gradient_penalty' is {config.gradient_penalty:g} and the discriminator has batch "
            "normalisation, which couples the images whose slopes are penalised one by one: set "
            "the network's 'normalisation' to none or spectral, or use 'r1_weight'."
        )
    bounded = any(isinstance(m, ParametrizationList) for m in discriminator.modules())
    penalised = config.gradient_penalty + config.r1_weight + config.r2_weight > 0
    if config.loss == "wasserstein" and not (penalised or bounded):
        raise ModelError(
            "loss 'wasserstein' with nothing that bounds the critic's slope grows without end: "
            "set 'gradient_penalty' to 10, or the network's 'normalisation' to spectral."
        )
