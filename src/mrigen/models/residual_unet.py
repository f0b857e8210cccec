"""Arnaiz's residual U-Net, the network he proposes."""

from typing import Literal

import torch
from torch import Tensor, nn

from mrigen.models.blocks import initialise_as_keras
from mrigen.models.residual_blocks import (
    Autoencoder,
    AutoencoderConfig,
    decoder_widths,
    doubled_widths,
    kernels,
    output_layer,
    up_block,
)
from mrigen.models.shallow_residual_ae import residual_encoder


class ResidualUNetConfig(AutoencoderConfig):
    """Size of the residual U-Net; the defaults are the study's."""

    name: Literal["residual_unet"]


class ResidualUNet(Autoencoder):
    """The shallow residual autoencoder with its levels handed across to the way up.

    Parameters
    ----------
    config
        Sizes. With the defaults the network has 483,649 values.
    image_size
        Height and width of the images, a multiple of `2 ** config.depth`.

    Raises
    ------
    ModelError
        If the image cannot be halved `depth` times.

    Notes
    -----
    What a level hands across is the raw sum of its last block, or the first convolution's
    answer; nothing is handed across at full resolution.

    References
    ----------
    Ronneberger et al. 2015, doi:10.1007/978-3-319-24574-4_28;
    He et al. 2016, doi:10.1007/978-3-319-46493-0_38
    """

    def __init__(self, config: ResidualUNetConfig, image_size: int) -> None:
        super().__init__(config, image_size)
        widths = doubled_widths(config.base_channels, config.depth)
        self.encoder = residual_encoder(widths)
        up = decoder_widths(widths)
        # Below the first step up, half of what comes in was handed across.
        taken = [up[0], *(2 * width for width in up[1:-1])]
        self.decoder = nn.ModuleList(map(up_block, taken, up[1:]))
        self.output = output_layer(up[-1])
        initialise_as_keras(self)

    def forward(self, images: Tensor) -> Tensor:
        """Map (N, 1, H, W) images in [0, 1] to restored ones of the same shape and range."""
        features, skips = images, []
        for level in self.encoder:
            features = level(features)
            skips.append(features)
        skips.pop()
        for up in self.decoder:
            features = up(features)
            if skips:
                features = torch.cat([features, skips.pop()], dim=1)
        answer: Tensor = self.output(features)
        return answer

    def penalised_kernels(self) -> list[Tensor]:
        """Return the kernels of the encoder, shortcuts too, and of the output."""
        return kernels(self.encoder, self.output)
