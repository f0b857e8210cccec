"""What discriminator and generator minimise, as functions of logits."""

from collections.abc import Callable
from typing import Literal, NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import relu, softplus

AdversarialLossName = Literal[
    "saturating_double_sigmoid", "non_saturating", "hinge", "wasserstein", "relativistic"
]


class AdversarialLoss(NamedTuple):
    """A game of two players; logits are (N,) float32, larger for more real, losses are scalars.

    Attributes
    ----------
    discriminator
        The discriminator's loss at the logits of real and of generated images.
    generator
        The generator's loss at the logits of generated and of real images; see `compares`.
    compares
        The generator's loss needs the logits of real images too; else it is given none.
    simultaneous
        Both players always move from where both stood when the step began; else that is the
        objective's choice.
    """

    discriminator: Callable[[Tensor, Tensor], Tensor]
    generator: Callable[[Tensor, Tensor | None], Tensor]
    compares: bool = False
    simultaneous: bool = False


def _double_sigmoid_discriminator(real: Tensor, fake: Tensor) -> Tensor:
    return softplus(-torch.sigmoid(real)).mean() + softplus(torch.sigmoid(fake)).mean()


def _double_sigmoid_generator(fake: Tensor, real: Tensor | None) -> Tensor:  # noqa: ARG001
    return softplus(-torch.sigmoid(fake)).mean()


def _cross_entropy_discriminator(real: Tensor, fake: Tensor) -> Tensor:
    return softplus(-real).mean() + softplus(fake).mean()


def _cross_entropy_generator(fake: Tensor, real: Tensor | None) -> Tensor:  # noqa: ARG001
    return softplus(-fake).mean()


def _hinge_discriminator(real: Tensor, fake: Tensor) -> Tensor:
    return relu(1 - real).mean() + relu(1 + fake).mean()


def _wasserstein_critic(real: Tensor, fake: Tensor) -> Tensor:
    return fake.mean() - real.mean()


def _linear_generator(fake: Tensor, real: Tensor | None) -> Tensor:  # noqa: ARG001
    return -fake.mean()


def _relativistic_discriminator(real: Tensor, fake: Tensor) -> Tensor:
    return softplus(fake - real).mean()


def _relativistic_generator(fake: Tensor, real: Tensor | None) -> Tensor:
    if real is None:
        raise TypeError("a relativistic loss compares: give it the logits of real images")
    return softplus(real - fake).mean()


ADVERSARIAL_LOSSES: dict[AdversarialLossName, AdversarialLoss] = {
    "saturating_double_sigmoid": AdversarialLoss(
        _double_sigmoid_discriminator, _double_sigmoid_generator, simultaneous=True
    ),
    "non_saturating": AdversarialLoss(_cross_entropy_discriminator, _cross_entropy_generator),
    "hinge": AdversarialLoss(_hinge_discriminator, _linear_generator),
    "wasserstein": AdversarialLoss(_wasserstein_critic, _linear_generator),
    "relativistic": AdversarialLoss(
        _relativistic_discriminator, _relativistic_generator, compares=True
    ),
}
"""The losses by their names in `params.yaml`.

- `saturating_double_sigmoid`: the notebook behind Feliu's study. Its discriminator ends in a
  sigmoid and its cross entropy, told to expect logits, takes another. The discriminator's loss
  cannot fall below log(1 + 1/e) + log 2 = 1.0064, the generator's stays in [0.3133, 0.6931], and
  its slope is at most 0.27 of the non-saturating one, none at all where the discriminator is
  sure of itself. Both players move at once, as with two Keras gradient tapes. This is what the
  notebook says; since TensorFlow 2.5 Keras finds the logits behind a sigmoid, warns, and uses
  them, so that the same notebook computes `non_saturating` with `simultaneous`.
- `non_saturating`: Goodfellow et al. 2014, doi:10.48550/arXiv.1406.2661.
- `hinge`: Lim and Ye 2017, doi:10.48550/arXiv.1705.02894; Miyato et al. 2018,
  doi:10.48550/arXiv.1802.05957.
- `wasserstein`: Arjovsky et al. 2017, doi:10.48550/arXiv.1701.07875.
- `relativistic`: each real image against the generated one beside it; Jolicoeur-Martineau 2018,
  doi:10.48550/arXiv.1807.00734; with R1 and R2 it is R3GAN's, Huang et al. 2024,
  doi:10.48550/arXiv.2501.05441.
"""
