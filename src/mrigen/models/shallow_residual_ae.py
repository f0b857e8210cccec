"""Arnaiz's shallow residual autoencoder."""

from itertools import pairwise
from typing import Literal

from pydantic import Field
from torch import Tensor, nn

from mrigen.models.blocks import SameConv2d, initialise_as_keras
from mrigen.models.residual_blocks import (
    Autoencoder,
    AutoencoderConfig,
    FullPreBlock,
    OriginalBlock,
    decoder_widths,
    doubled_widths,
    kernels,
    output_layer,
    up_blocks,
)

_BLOCKS = {"full_pre": FullPreBlock, "original": OriginalBlock}


class ShallowResidualAEConfig(AutoencoderConfig):
    """Size and kind of block; the defaults are the study's."""

    name: Literal["shallow_residual_ae"]
    block: Literal["full_pre", "original"] = "full_pre"
    doubled_norms: bool = Field(
        default=False, description="two norms in a row, as in the runs without augmentation"
    )


class ShallowResidualAE(Autoencoder):
    """Residual blocks down, transposed convolutions up, no skip connections.

    Parameters
    ----------
    config
        Sizes. With the defaults the network has 460,609 values.
    image_size
        Height and width of the images, a multiple of `2 ** config.depth`.

    Raises
    ------
    ModelError
        If the image cannot be halved `depth` times.

    Notes
    -----
    The first halving is a plain convolution without activation. Each further level halves in a
    residual block and, but for the deepest, has a second block that keeps the size. A shortcut
    is a 1 x 1 convolution only where the block halves.

    References
    ----------
    He et al. 2016, doi:10.1007/978-3-319-46493-0_38
    """

    def __init__(self, config: ShallowResidualAEConfig, image_size: int) -> None:
        super().__init__(config, image_size)
        widths = doubled_widths(config.base_channels, config.depth)
        self.encoder = residual_encoder(
            widths, block=config.block, doubled_norms=config.doubled_norms
        )
        self.decoder = up_blocks(decoder_widths(widths))
        self.output = output_layer(widths[0] // 2)
        initialise_as_keras(self)

    def forward(self, images: Tensor) -> Tensor:
        """Map (N, 1, H, W) images in [0, 1] to reproductions of the same shape and range."""
        features = images
        for level in self.encoder:
            features = level(features)
        answer: Tensor = self.output(self.decoder(features))
        return answer

    def penalised_kernels(self) -> list[Tensor]:
        """Return the kernels of the encoder, shortcuts too, and of the output."""
        return kernels(self.encoder, self.output)


def residual_encoder(
    widths: list[int], *, block: str = "full_pre", doubled_norms: bool = False
) -> nn.ModuleList:
    """Make one module per level: a strided convolution, then residual blocks.

    Parameters
    ----------
    widths
        Channels of each level.
    block
        "full_pre" or "original".
    doubled_norms
        Whether norms stand there twice.
    """
    make = _BLOCKS[block]
    levels: list[nn.Module] = [SameConv2d(1, widths[0], 3, stride=2)]
    for number, (before, after) in enumerate(pairwise(widths), start=2):
        blocks = [make(before, after, 2, shortcut=True, doubled_norms=doubled_norms)]
        if number < len(widths):
            blocks.append(make(after, after, 1, shortcut=False, doubled_norms=doubled_norms))
        levels.append(nn.Sequential(*blocks))
    return nn.ModuleList(levels)
