"""The blocks of Arnaiz's autoencoders, and what all four networks share.

References
----------
He et al. 2016, doi:10.1109/CVPR.2016.90 (original block) and
doi:10.1007/978-3-319-46493-0_38 (full pre-activation)
"""

from collections.abc import Iterable, Sequence
from itertools import pairwise

from torch import Tensor, nn

from mrigen.errors import ModelError
from mrigen.models.blocks import SameConv2d, SameConvTranspose2d, keras_batch_norm


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


def check_image(name: str, depth: int, height: int, width: int) -> None:
    """Refuse images that cannot be halved `depth` times.

    Raises
    ------
    ModelError
        If a side is no multiple of `2 ** depth`.
    """
    if height % 2**depth or width % 2**depth:
        raise ModelError(
            f"a '{name}' with depth {depth} cannot take images of {height} x {width} pixels: "
            f"expected sides that are a multiple of {2**depth}. "
            "Lower 'depth' or change the dataset's 'size'."
        )


def check_images(name: str, depth: int, images: Tensor) -> None:
    """Refuse a batch that is not (N, 1, H, W), or whose images cannot be halved `depth` times.

    Raises
    ------
    ModelError
        If it is another shape.
    """
    if images.ndim != 4 or images.shape[1] != 1:
        raise ModelError(
            f"a '{name}' takes images of shape (N, 1, H, W), not {tuple(images.shape)}: "
            "give it grey images, one channel each."
        )
    check_image(name, depth, *images.shape[2:])


def _convolutions(parts: Iterable[nn.Module]) -> list[SameConv2d]:
    return [layer for part in parts for layer in part.modules() if isinstance(layer, SameConv2d)]


def _shortcut(in_channels: int, out_channels: int, stride: int) -> SameConv2d:
    return SameConv2d(in_channels, out_channels, 1, stride=stride)
