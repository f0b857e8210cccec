"""The table of networks: one line each."""

from collections.abc import Callable
from typing import Annotated

import torch
from pydantic import Field
from torch import nn

from mrigen.errors import ModelError
from mrigen.models.feliu_gan import FeliuGAN, FeliuGANConfig
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
    | VQVAEConfig,
    Field(discriminator="name"),
]

MAX_PARAMETERS = 2**30

_NETWORKS: dict[type, Callable[..., nn.Module]] = {
    VAEConfig: VAE,
    FeliuGANConfig: FeliuGAN,
    UNetConfig: lambda config, image_size: UNet(config),  # noqa: ARG005 - takes any size
    ShallowResidualAEConfig: ShallowResidualAE,
    SkipCAEConfig: SkipCAE,
    ResidualUNetConfig: ResidualUNet,
    MyronenkoCAEConfig: MyronenkoCAE,
    VQVAEConfig: build_vqvae,
}


def build_network(config: NetworkConfig, image_size: int) -> nn.Module:
    """Make a freshly initialised network.

    Parameters
    ----------
    config
        One of the configurations of `NetworkConfig`.
    image_size
        Height and width of the images in pixels.

    Raises
    ------
    ModelError
        If the network cannot work at `image_size`, or would be absurdly large.

    Notes
    -----
    Weights are drawn from torch's default generator: seed it first.
    """
    make = _NETWORKS[type(config)]
    with torch.device("meta"):  # shapes alone, which cost no memory
        _, total = count_parameters(make(config, image_size))
    if total > MAX_PARAMETERS:
        raise ModelError(
            f"a '{config.name}' of these sizes has {total:,} parameters: expected at most "
            f"{MAX_PARAMETERS:,}. Lower its sizes or the dataset's 'size'."
        )
    return make(config, image_size)


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
