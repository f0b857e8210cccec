"""The table of objectives: one line each, with the networks it can train."""

from collections.abc import Callable
from typing import Annotated

from pydantic import Field
from torch import nn

from mrigen.errors import ModelError
from mrigen.models.feliu_gan import FeliuGAN
from mrigen.models.interfaces import Reconstructor
from mrigen.models.vae import VAE
from mrigen.objectives.adversarial import Adversarial, AdversarialConfig
from mrigen.objectives.base import Objective
from mrigen.objectives.reconstruction import Reconstruction, ReconstructionConfig
from mrigen.objectives.variational import Variational, VariationalConfig

AnyObjectiveConfig = ReconstructionConfig | VariationalConfig | AdversarialConfig
ObjectiveConfig = Annotated[AnyObjectiveConfig, Field(discriminator="name")]

_OBJECTIVES: dict[type, tuple[Callable[..., Objective], type, str]] = {
    ReconstructionConfig: (Reconstruction, Reconstructor, "a network that restores images"),
    VariationalConfig: (Variational, VAE, "a network with a posterior and a decoder"),
    AdversarialConfig: (Adversarial, FeliuGAN, "a generator and a discriminator"),
}


def build_objective(config: AnyObjectiveConfig, network: nn.Module) -> Objective:
    """Bind a loss to a network.

    Raises
    ------
    ModelError
        If the objective cannot train such a network.
    """
    objective, needed, words = _OBJECTIVES[type(config)]
    if not isinstance(network, needed):
        raise ModelError(
            f"objective '{config.name}' needs {words}, and '{type(network).__name__}' is not one: "
            "pair 'vae' with 'variational', 'feliu_gan' with 'adversarial', "
            "and 'unet' with 'reconstruction'."
        )
    return objective(network, config)
