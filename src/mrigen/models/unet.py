"""Lorente's U-Net for restoring slices."""

from itertools import pairwise
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from mrigen.config import Config
from mrigen.models.blocks import SameConv2d
from mrigen.models.image_checks import require_grey


class UNetConfig(Config):
    """Size of the U-Net; the defaults are the study's."""

    name: Literal["unet"]
    base_channels: int = Field(64, ge=1, le=256)
    depth: int = Field(4, ge=1, le=6, description="number of halvings")
    dropout: float = Field(0.5, ge=0, lt=1, description="at the two deepest levels")
    paired_output: bool = Field(
        default=True, description="two feature maps before the output; false for one 1 x 1 layer"
    )


class UNet(nn.Module):
    """Encoder and decoder with a skip connection at every level, ending in a ReLU.

    Parameters
    ----------
    config
        Sizes. With the defaults the network has 31,031,685 parameters, and 31,030,593 with a
        direct output: the study's "more than 31 million" fits both.

    Notes
    -----
    The study names its layers only by their number; the layout is that of the public Keras
    template its settings agree with: 3 x 3 convolutions, dropout at the two deepest levels,
    nearest-neighbour up-sampling followed by a 2 x 2 convolution, and two feature maps before
    the output. Both ends in rectifiers, so a plain He initialisation gives an output that is
    zero everywhere, with no gradient, for about one seed in four. Here the two maps
    start as each other's negative and the output weights start positive, so that one of them
    always carries a gradient. A direct output, whose inputs are rectified, starts positive, too.

    References
    ----------
    Ronneberger et al. 2015, doi:10.1007/978-3-319-24574-4_28
    """

    def __init__(self, config: UNetConfig) -> None:
        super().__init__()
        widths = [config.base_channels * 2**level for level in range(config.depth + 1)]
        deepest = len(widths) - 2
        self.encoder = nn.ModuleList(
            _double_convolution(before, after, config.dropout if level >= deepest else 0.0)
            for level, (before, after) in enumerate(pairwise([1, *widths]))
        )
        self.up = nn.ModuleList(
            SameConv2d(wide, narrow, 2) for narrow, wide in reversed(list(pairwise(widths)))
        )
        self.decoder = nn.ModuleList(
            _double_convolution(2 * width, width, 0.0) for width in widths[-2::-1]
        )
        self.pair = SameConv2d(widths[0], 2, 3) if config.paired_output else None
        self.output = SameConv2d(2 if config.paired_output else widths[0], 1, 1)
        self._initialise()

    def forward(self, images: Tensor) -> Tensor:
        """Map (N, 1, H, W) images in [0, 1] to restored ones, (N, 1, H, W) in [0, inf)."""
        multiple = 2 ** len(self.up)
        height, width = images.shape[-2:]
        padding = (0, -width % multiple, 0, -height % multiple)
        features = functional.pad(images, padding, mode="replicate")
        skips: list[Tensor] = []
        for block in self.encoder:
            features = block(functional.max_pool2d(features, 2) if skips else features)
            skips.append(features)
        skips.pop()
        for up, block in zip(self.up, self.decoder, strict=True):
            larger = functional.interpolate(features, scale_factor=2, mode="nearest")
            features = block(torch.cat([skips.pop(), functional.relu(up(larger))], dim=1))
        if self.pair is not None:
            features = functional.relu(self.pair(features))
        return functional.relu(self.output(features))[..., :height, :width]

    def reconstruct(self, images: Tensor) -> Tensor:
        """Restore (N, 1, H, W) images of any size, clipped to [0, 1].

        Raises
        ------
        ModelError
            If they have another shape.
        """
        require_grey("unet", images)
        restored: Tensor = self(images)
        return restored.clamp(max=1)

    def _initialise(self) -> None:
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
                if module.bias is not None:
                    nn.init.zeros_(module.bias)
        with torch.no_grad():
            if self.pair is not None:
                self.pair.weight[1] = -self.pair.weight[0]
            self.output.weight.abs_()


def _double_convolution(in_channels: int, out_channels: int, dropout: float) -> nn.Sequential:
    return nn.Sequential(
        SameConv2d(in_channels, out_channels, 3),
        nn.ReLU(),
        SameConv2d(out_channels, out_channels, 3),
        nn.ReLU(),
        nn.Dropout(dropout),
    )
