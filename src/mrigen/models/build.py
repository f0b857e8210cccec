"""The table of networks: one line each."""

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Annotated, Any

import torch
from pydantic import Field
from torch import nn
from torch.overrides import TorchFunctionMode

from mrigen.errors import ModelError
from mrigen.models.feliu_gan import FeliuGAN, FeliuGANConfig
from mrigen.models.flow.config import FlowConfig
from mrigen.models.flow.flow import Flow
from mrigen.models.myronenko_cae import MyronenkoCAE, MyronenkoCAEConfig
from mrigen.models.residual_unet import ResidualUNet, ResidualUNetConfig
from mrigen.models.shallow_residual_ae import ShallowResidualAE, ShallowResidualAEConfig
from mrigen.models.skip_cae import SkipCAE, SkipCAEConfig
from mrigen.models.unet import UNet, UNetConfig
from mrigen.models.vae import VAE, VAEConfig
from mrigen.models.vqvae import VQVAEConfig, build_vqvae

NetworkConfig = Annotated[
    VAEConfig
    | FeliuGANConfig
    | UNetConfig
    | ShallowResidualAEConfig
    | SkipCAEConfig
    | ResidualUNetConfig
    | MyronenkoCAEConfig
    | VQVAEConfig
    | FlowConfig,
    Field(discriminator="name"),
]

MAX_PARAMETERS = 2**30
_SPARE = 2**20  # so few more take no time, and are told by their names

_MAKING = {"empty", "zeros", "ones", "randn"}

_NETWORKS: dict[type, Callable[..., nn.Module]] = {
    VAEConfig: VAE,
    FeliuGANConfig: FeliuGAN,
    UNetConfig: lambda config, image_size: UNet(config),  # noqa: ARG005 - takes any size
    ShallowResidualAEConfig: ShallowResidualAE,
    SkipCAEConfig: SkipCAE,
    ResidualUNetConfig: ResidualUNet,
    MyronenkoCAEConfig: MyronenkoCAE,
    VQVAEConfig: build_vqvae,
    FlowConfig: Flow,
}


def build_network(
    config: NetworkConfig, image_size: int, *, weights: int | None = None
) -> nn.Module:
    """Make a freshly initialised network.

    Parameters
    ----------
    config
        One of the configurations of `NetworkConfig`.
    image_size
        Height and width of the images in pixels.
    weights
        How many numbers there are to put into it, if that is known: no memory is taken for a
        network of many more.

    Raises
    ------
    ModelError
        If the network cannot work at `image_size`, or would be absurdly large.

    Notes
    -----
    Weights are drawn from torch's default generator: seed it first.
    """
    make = _NETWORKS[type(config)]
    most = MAX_PARAMETERS if weights is None else min(weights + _SPARE, MAX_PARAMETERS)
    try:
        with _Measuring(most):
            return make(config, image_size)
    except _TooLarge:
        with torch.device("meta"):  # shapes alone, which cost no memory
            _, total = count_parameters(make(config, image_size))
    if weights is not None:
        raise ModelError(
            f"a '{config.name}' of these sizes has {total:,} parameters: expected the {weights:,} "
            "of its weights. Use weights and configuration of one and the same training."
        )
    raise ModelError(
        f"a '{config.name}' of these sizes has {total:,} parameters: expected at most "
        f"{MAX_PARAMETERS:,}. Lower its sizes or the dataset's 'size'."
    )


class _TooLarge(Exception):  # noqa: N818 - caught where the sentence is made
    """A network is being made that would be absurdly large."""


class _Measuring(TorchFunctionMode):
    """Stop before more memory is taken than weights may have."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self._total, self._most = 0, most

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Iterable[type],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        """Call a function of torch; count first what it is to make."""
        if getattr(func, "__name__", "") in _MAKING:
            sizes = args[0] if args and isinstance(args[0], Sequence) else args
            self._total += math.prod(sizes)
            if self._total > self._most:
                raise _TooLarge
        return func(*args, **(kwargs or {}))


def count_parameters(network: nn.Module) -> tuple[int, int]:
    """Count values as Keras does: trainable ones, and all with batch-norm statistics."""
    trainable = sum(p.numel() for p in network.parameters() if p.requires_grad)
    parameters = sum(p.numel() for p in network.parameters())
    statistics = sum(
        values.numel()
        for module in network.modules()
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d | nn.BatchNorm3d)
        for values in (module.running_mean, module.running_var)
        if values is not None
    )
    return trainable, parameters + statistics


def count_configured(config: NetworkConfig, image_size: int) -> tuple[int, int]:
    """Count the values of a network from its configuration, as `count_parameters` does.

    In one that was loaded all are frozen, so that none would count as trainable.
    """
    with torch.device("meta"):  # shapes are enough
        return count_parameters(build_network(config, image_size))
