"""Arnaiz's convolutional autoencoder with skip connections that are added."""

from itertools import pairwise
from typing import Literal

from torch import Tensor, nn
from torch.nn import functional

from mrigen.models.blocks import (
    SameConv2d,
    SameConvTranspose2d,
    initialise_as_keras,
    keras_batch_norm,
)
from mrigen.models.residual_blocks import (
    Autoencoder,
    AutoencoderConfig,
    decoder_widths,
    doubled_widths,
    kernels,
    output_layer,
)


class SkipCAEConfig(AutoencoderConfig):
    """Size of the autoencoder; the defaults are the study's."""

    name: Literal["skip_cae"]


class SkipCAE(Autoencoder):
    """Strided convolutions down, transposed ones up, norms added across before their ReLU.

    Parameters
    ----------
    config
        Sizes. With the defaults the network has 191,041 values.
    image_size
        Height and width of the images, a multiple of `2 ** config.depth`.

    Raises
    ------
    ModelError
        If the image cannot be halved `depth` times.

    References
    ----------
    Mao et al. 2016, arXiv:1603.09056
    """

    def __init__(self, config: SkipCAEConfig, image_size: int) -> None:
        super().__init__(config, image_size)
        widths = doubled_widths(config.base_channels, config.depth)
        self.encoder = nn.ModuleList(
            nn.Sequential(SameConv2d(before, after, 3, stride=2), keras_batch_norm(after))
            for before, after in pairwise([1, *widths])
        )
        self.decoder = nn.ModuleList(
            nn.Sequential(SameConvTranspose2d(before, after, 3, stride=2), keras_batch_norm(after))
            for before, after in pairwise(decoder_widths(widths))
        )
        self.output = output_layer(widths[0] // 2)
        initialise_as_keras(self)

    def forward(self, images: Tensor) -> Tensor:
        """Map (N, 1, H, W) images in [0, 1] to restored ones of the same shape and range."""
        features, skips = images, []
        for level in self.encoder:
            normed = level(features)
            features = functional.relu(normed)
            skips.append(normed)
        skips.pop()
        for up in self.decoder:
            normed = up(features)
            features = functional.relu(normed + skips.pop() if skips else normed)
        answer: Tensor = self.output(features)
        return answer

    def penalised_kernels(self) -> list[Tensor]:
        """Return the kernels of the encoder."""
        return kernels(self.encoder)
