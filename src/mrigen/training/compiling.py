"""Networks translated to machine code, in place."""

from torch import nn

from mrigen.objectives.adversarial import Adversarial
from mrigen.objectives.base import Objective

# What objectives call of a network that is made of parts.
_PARTS = {"encoder", "decoder", "generator", "discriminator", "code_prior", "unet"}


def compile_parts(objective: Objective) -> None:
    """Compile what an objective calls; the names of weights stay as they are.

    A network is called as a whole, or by its parts. A discriminator whose slope is part of the
    loss is left as it is, since compiled code cannot be differentiated twice.
    """
    for name, module in _called(objective.network):
        if name == "discriminator" and _takes_slopes(objective):
            continue
        # Batches have one size, but for the last of validation.
        module.compile(dynamic=False)


def _called(network: nn.Module) -> list[tuple[str, nn.Module]]:
    found = [
        (path.rpartition(".")[2], module)
        for path, module in network.named_modules()
        if path.rpartition(".")[2] in _PARTS and not isinstance(module, nn.ModuleList)
    ]
    return found or [("", network)]


def _takes_slopes(objective: Objective) -> bool:
    if not isinstance(objective, Adversarial):
        return False
    config = objective.config
    penalties = (config.r1_weight, config.r2_weight, config.gradient_penalty)
    return any(penalties) or objective.simultaneous
