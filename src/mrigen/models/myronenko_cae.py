"""Arnaiz's two-dimensional version of Myronenko's autoencoder."""

from itertools import pairwise
from typing import Literal

from pydantic import Field
from torch import Tensor, nn

from mrigen.models.blocks import SameConv2d, initialise_as_keras
from mrigen.models.residual_blocks import (
    Autoencoder,
    AutoencoderConfig,
    FullPreBlock,
    decoder_widths,
    doubled_widths,
    kernels,
    output_layer,
    up_blocks,
)


class MyronenkoCAEConfig(AutoencoderConfig):
    """Size of the autoencoder; the defaults are the study's."""

    name: Literal["myronenko_cae"]
    dropout: float = Field(0.1, ge=0, lt=1, description="of whole feature maps, after the first")


class MyronenkoCAE(Autoencoder):
    """Residual blocks at every level from full resolution down, transposed convolutions up.

    Parameters
    ----------
    config
        Sizes. With the defaults the network has 991,041 values, 989,345 of them trained.
    image_size
        Height and width of the images, a multiple of `2 ** config.depth`.

    Raises
    ------
    ModelError
        If the image cannot be halved `depth` times.

    Notes
    -----
    The first level has one block, the others two; each ends in a strided convolution. Every
    block has a 1 x 1 convolution on its shortcut. The original is a 3-D network with group
    normalisation, of which the study keeps the plan of the encoder.

    References
    ----------
    Myronenko 2019, doi:10.1007/978-3-030-11726-9_28
    """

    def __init__(self, config: MyronenkoCAEConfig, image_size: int) -> None:
        super().__init__(config, image_size)
        widths = doubled_widths(config.base_channels, config.depth)
        self.start = SameConv2d(1, widths[0], 3)
        self.dropout = nn.Dropout2d(config.dropout)
        self.encoder = nn.Sequential(
            _level(widths[0], widths[0], blocks=1),
            *(_level(before, after, blocks=2) for before, after in pairwise(widths)),
        )
        self.decoder = up_blocks(decoder_widths(widths))
        self.output = output_layer(widths[0] // 2)
        initialise_as_keras(self)

    def forward(self, images: Tensor) -> Tensor:
        """Map (N, 1, H, W) images in [0, 1] to restored ones of the same shape and range."""
        features = self.encoder(self.dropout(self.start(images)))
        answer: Tensor = self.output(self.decoder(features))
        return answer

    def penalised_kernels(self) -> list[Tensor]:
        """Return the kernels of blocks, shortcuts and halvings: not the first, nor the output."""
        return kernels(self.encoder)


def _level(in_channels: int, out_channels: int, *, blocks: int) -> nn.Sequential:
    widths = [in_channels] + [out_channels] * blocks
    return nn.Sequential(
        *(FullPreBlock(before, after, 1, shortcut=True) for before, after in pairwise(widths)),
        SameConv2d(out_channels, out_channels, 3, stride=2),
    )
