"""The blocks of Arnaiz's autoencoders, and what all four networks share.

References
----------
He et al. 2016, doi:10.1109/CVPR.2016.90 (original block) and
doi:10.1007/978-3-319-46493-0_38 (full pre-activation)
"""

from collections.abc import Iterable, Sequence
from itertools import pairwise

from pydantic import Field
from torch import Tensor, nn

from mrigen.config import Config
from mrigen.models.blocks import SameConv2d, SameConvTranspose2d, keras_batch_norm
from mrigen.models.image_checks import require_grey, require_halvings


class AutoencoderConfig(Config):
    """Size that the four autoencoders share; the defaults are the study's."""

    name: str
    base_channels: int = Field(32, ge=2, le=256, multiple_of=2)
    depth: int = Field(3, ge=1, le=6, description="number of halvings")


class Autoencoder(nn.Module):
    """A network that is called with images, halves them `depth` times and answers their like.

    Parameters
    ----------
    config
        Sizes.
    image_size
        Height and width of the images, a multiple of `2 ** config.depth`.

    Raises
    ------
    ModelError
        If the image cannot be halved `depth` times.
    """

    def __init__(self, config: AutoencoderConfig, image_size: int) -> None:
        super().__init__()
        require_halvings(config.name, config.depth, image_size, image_size)
        self.name, self.depth = config.name, config.depth

    def reconstruct(self, images: Tensor) -> Tensor:
        """Restore images, (N, 1, H, W) in [0, 1].

        Raises
        ------
        ModelError
            If they have another shape, or a side that is no multiple of `2 ** depth`.
        """
        require_grey(self.name, images)
        require_halvings(self.name, self.depth, *images.shape[2:])
        answer: Tensor = self(images)
        return answer


class FullPreBlock(nn.Module):
    """Norm, ReLU, convolution, twice; nothing after the sum.

    Parameters
    ----------
    in_channels, out_channels
        Before and after the block.
    stride
        Of the first convolution and of the shortcut.
    shortcut
        Whether the raw input passes a 1 x 1 convolution on its way to the sum.
    doubled_norms
        Whether each norm stands there twice, as in one of the study's checkpoints.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        stride: int,
        *,
        shortcut: bool,
        doubled_norms: bool = False,
    ) -> None:
        super().__init__()
        norms = 2 if doubled_norms else 1
        self.residual = nn.Sequential(
            *(keras_batch_norm(in_channels) for _ in range(norms)),
            nn.ReLU(inplace=True),
            SameConv2d(in_channels, out_channels, 3, stride=stride),
            *(keras_batch_norm(out_channels) for _ in range(norms)),
            nn.ReLU(inplace=True),
            SameConv2d(out_channels, out_channels, 3),
        )
        self.shortcut = _shortcut(in_channels, out_channels, stride) if shortcut else None

    def forward(self, features: Tensor) -> Tensor:
        """Map (N, in, H, W) to (N, out, H / stride, W / stride)."""
        passed = features if self.shortcut is None else self.shortcut(features)
        answer: Tensor = passed + self.residual(features)
        return answer


class OriginalBlock(nn.Module):
    """Convolution, norm, ReLU, convolution, norm; a ReLU after the sum.

    The parameters are those of `FullPreBlock`, but only the first norm is ever doubled.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        stride: int,
        *,
        shortcut: bool,
        doubled_norms: bool = False,
    ) -> None:
        super().__init__()
        self.residual = nn.Sequential(
            SameConv2d(in_channels, out_channels, 3, stride=stride),
            *(keras_batch_norm(out_channels) for _ in range(2 if doubled_norms else 1)),
            nn.ReLU(inplace=True),
            SameConv2d(out_channels, out_channels, 3),
            keras_batch_norm(out_channels),
        )
        self.shortcut = _shortcut(in_channels, out_channels, stride) if shortcut else None
        self.activation = nn.ReLU(inplace=True)

    def forward(self, features: Tensor) -> Tensor:
        """Map (N, in, H, W) to (N, out, H / stride, W / stride)."""
        passed = features if self.shortcut is None else self.shortcut(features)
        answer: Tensor = self.activation(passed + self.residual(features))
        return answer


def up_block(in_channels: int, out_channels: int) -> nn.Sequential:
    """Double the image: transposed 3 x 3 convolution, norm, ReLU."""
    return nn.Sequential(
        SameConvTranspose2d(in_channels, out_channels, 3, stride=2),
        keras_batch_norm(out_channels),
        nn.ReLU(inplace=True),
    )


def up_blocks(widths: Sequence[int]) -> nn.Sequential:
    """Double the image once for each step from a width to the next."""
    return nn.Sequential(*(up_block(before, after) for before, after in pairwise(widths)))


def doubled_widths(base_channels: int, depth: int) -> list[int]:
    """Return the widths of the levels: `base_channels`, doubled at each level below."""
    return [base_channels * 2**level for level in range(depth)]


def decoder_widths(widths: Sequence[int]) -> list[int]:
    """Return the widths on the way up, from the deepest level to half the first."""
    return [*reversed(widths), widths[0] // 2]


def output_layer(channels: int) -> nn.Sequential:
    """Return the last 3 x 3 convolution, to one channel, with its sigmoid."""
    return nn.Sequential(SameConv2d(channels, 1, 3), nn.Sigmoid())


def kernels(*parts: nn.Module) -> list[Tensor]:
    """Return the kernels of all plain convolutions in `parts`, in their order."""
    return [layer.weight for layer in _convolutions(parts)]


def _convolutions(parts: Iterable[nn.Module]) -> list[SameConv2d]:
    return [layer for part in parts for layer in part.modules() if isinstance(layer, SameConv2d)]


def _shortcut(in_channels: int, out_channels: int, stride: int) -> SameConv2d:
    return SameConv2d(in_channels, out_channels, 1, stride=stride)
