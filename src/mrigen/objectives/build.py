"""The table of objectives: one line each, with the networks it can train."""

from collections.abc import Callable
from typing import Annotated

from pydantic import Field
from torch import nn

from mrigen.errors import ModelError
from mrigen.models.flow.flow import Flow
from mrigen.models.interfaces import Reconstructor, Sampler
from mrigen.models.vae import VAE
from mrigen.models.vqvae import VQVAE, GenerativeVQVAE
from mrigen.objectives.adversarial import Adversarial, AdversarialConfig
from mrigen.objectives.base import Objective
from mrigen.objectives.flow_matching import FlowMatching, FlowMatchingConfig
from mrigen.objectives.quantized import Quantized, QuantizedConfig
from mrigen.objectives.reconstruction import Reconstruction, ReconstructionConfig
from mrigen.objectives.variational import Variational, VariationalConfig

AnyObjectiveConfig = (
    ReconstructionConfig
    | VariationalConfig
    | AdversarialConfig
    | QuantizedConfig
    | FlowMatchingConfig
)
ObjectiveConfig = Annotated[AnyObjectiveConfig, Field(discriminator="name")]


def _only_restores(network: nn.Module) -> bool:
    return isinstance(network, Reconstructor) and not isinstance(network, Sampler | VQVAE)


def _is_variational(network: nn.Module) -> bool:
    return isinstance(network, VAE)


def _is_adversarial(network: nn.Module) -> bool:
    parts = (getattr(network, name, None) for name in ("generator", "discriminator"))
    return isinstance(network, Sampler) and all(isinstance(part, nn.Module) for part in parts)


def _is_quantized(network: nn.Module) -> bool:
    return isinstance(network, VQVAE | GenerativeVQVAE)


_OBJECTIVES: dict[type, tuple[Callable[..., Objective], Callable[[nn.Module], bool], str]] = {
    ReconstructionConfig: (Reconstruction, _only_restores, "a network that maps image to image"),
    VariationalConfig: (Variational, _is_variational, "a network with a posterior and a decoder"),
    AdversarialConfig: (Adversarial, _is_adversarial, "a generator and a discriminator"),
    QuantizedConfig: (Quantized, _is_quantized, "a network with a grid of codes"),
    FlowMatchingConfig: (FlowMatching, lambda network: isinstance(network, Flow), "a flow"),
}


def build_objective(config: AnyObjectiveConfig, network: nn.Module) -> Objective:
    """Bind a loss to a network.

    Raises
    ------
    ModelError
        If the objective cannot train such a network.
    """
    objective, fits, words = _OBJECTIVES[type(config)]
    if not fits(network):
        raise ModelError(
            f"objective '{config.name}' needs {words}, and '{type(network).__name__}' is not one: "
            "pair 'vae' with 'variational', 'feliu_gan' with 'adversarial', "
            "'vqvae' with 'quantized', 'flow' with 'flow_matching', and 'unet' and the other "
            "restorers with 'reconstruction'."
        )
    return objective(network, config)
