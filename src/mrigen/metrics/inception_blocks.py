"""The blocks of Inception-v3 as the network behind FID has them.

Layers are named as in the published weight files, batch normalisation is folded into them. Where
the average is taken over 3 x 3 pixels, those outside the image do not count, as in TensorFlow.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional


class ConvRelu(nn.Conv2d):
    """A convolution, which may hold a normalisation, and ReLU; keeps the size at stride 1."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel: int | tuple[int, int],
        *,
        stride: int = 1,
        padded: bool = True,
    ) -> None:
        height, width = (kernel, kernel) if isinstance(kernel, int) else kernel
        padding = (height // 2, width // 2) if padded and stride == 1 else (0, 0)
        super().__init__(in_channels, out_channels, (height, width), stride, padding)

    def forward(self, inputs: Tensor) -> Tensor:
        """Map (N, in_channels, H, W) to (N, out_channels, H', W')."""
        return functional.relu(super().forward(inputs), inplace=True)


class BlockA(nn.Module):
    """Views of 1, 3 and 5 pixels: (N, in_channels, H, W) to (N, 224 + pool_channels, H, W)."""

    def __init__(self, in_channels: int, pool_channels: int) -> None:
        super().__init__()
        self.branch1x1 = ConvRelu(in_channels, 64, 1)
        self.branch5x5_1 = ConvRelu(in_channels, 48, 1)
        self.branch5x5_2 = ConvRelu(48, 64, 5)
        self.branch3x3dbl_1 = ConvRelu(in_channels, 64, 1)
        self.branch3x3dbl_2 = ConvRelu(64, 96, 3)
        self.branch3x3dbl_3 = ConvRelu(96, 96, 3)
        self.branch_pool = ConvRelu(in_channels, pool_channels, 1)

    def forward(self, inputs: Tensor) -> Tensor:
        """Return the branches one after the other."""
        double = self.branch3x3dbl_2(self.branch3x3dbl_1(inputs))
        branches = [
            self.branch1x1(inputs),
            self.branch5x5_2(self.branch5x5_1(inputs)),
            self.branch3x3dbl_3(double),
            self.branch_pool(_average(inputs)),
        ]
        return torch.cat(branches, 1)


class BlockB(nn.Module):
    """Halve the size: (N, 288, H, W) to (N, 768, H // 2, W // 2) for odd H and W."""

    def __init__(self) -> None:
        super().__init__()
        self.branch3x3 = ConvRelu(288, 384, 3, stride=2)
        self.branch3x3dbl_1 = ConvRelu(288, 64, 1)
        self.branch3x3dbl_2 = ConvRelu(64, 96, 3)
        self.branch3x3dbl_3 = ConvRelu(96, 96, 3, stride=2)

    def forward(self, inputs: Tensor) -> Tensor:
        """Return the branches one after the other."""
        double = self.branch3x3dbl_2(self.branch3x3dbl_1(inputs))
        branches = [
            self.branch3x3(inputs),
            self.branch3x3dbl_3(double),
            functional.max_pool2d(inputs, 3, 2),
        ]
        return torch.cat(branches, 1)


class BlockC(nn.Module):
    """Views of 7 pixels in lines: (N, 768, H, W) to the same shape."""

    def __init__(self, width: int) -> None:
        super().__init__()
        along, down = (1, 7), (7, 1)
        self.branch1x1 = ConvRelu(768, 192, 1)
        self.branch7x7_1 = ConvRelu(768, width, 1)
        self.branch7x7_2 = ConvRelu(width, width, along)
        self.branch7x7_3 = ConvRelu(width, 192, down)
        self.branch7x7dbl_1 = ConvRelu(768, width, 1)
        self.branch7x7dbl_2 = ConvRelu(width, width, down)
        self.branch7x7dbl_3 = ConvRelu(width, width, along)
        self.branch7x7dbl_4 = ConvRelu(width, width, down)
        self.branch7x7dbl_5 = ConvRelu(width, 192, along)
        self.branch_pool = ConvRelu(768, 192, 1)

    def forward(self, inputs: Tensor) -> Tensor:
        """Return the branches one after the other."""
        double = self.branch7x7dbl_3(self.branch7x7dbl_2(self.branch7x7dbl_1(inputs)))
        branches = [
            self.branch1x1(inputs),
            self.branch7x7_3(self.branch7x7_2(self.branch7x7_1(inputs))),
            self.branch7x7dbl_5(self.branch7x7dbl_4(double)),
            self.branch_pool(_average(inputs)),
        ]
        return torch.cat(branches, 1)


class BlockD(nn.Module):
    """Halve the size: (N, 768, H, W) to (N, 1280, H // 2, W // 2) for odd H and W."""

    def __init__(self) -> None:
        super().__init__()
        self.branch3x3_1 = ConvRelu(768, 192, 1)
        self.branch3x3_2 = ConvRelu(192, 320, 3, stride=2)
        self.branch7x7x3_1 = ConvRelu(768, 192, 1)
        self.branch7x7x3_2 = ConvRelu(192, 192, (1, 7))
        self.branch7x7x3_3 = ConvRelu(192, 192, (7, 1))
        self.branch7x7x3_4 = ConvRelu(192, 192, 3, stride=2)

    def forward(self, inputs: Tensor) -> Tensor:
        """Return the branches one after the other."""
        seven = self.branch7x7x3_3(self.branch7x7x3_2(self.branch7x7x3_1(inputs)))
        branches = [
            self.branch3x3_2(self.branch3x3_1(inputs)),
            self.branch7x7x3_4(seven),
            functional.max_pool2d(inputs, 3, 2),
        ]
        return torch.cat(branches, 1)


class BlockE(nn.Module):
    """Views that fork in the end: (N, in_channels, H, W) to (N, 2048, H, W).

    `largest` takes the largest of 3 x 3 pixels where the paper takes their mean. The last block
    of the published network does; whoever wrote it may not have meant to, but FID is defined by
    it.
    """

    def __init__(self, in_channels: int, *, largest: bool) -> None:
        super().__init__()
        along, down = (1, 3), (3, 1)
        self.largest = largest
        self.branch1x1 = ConvRelu(in_channels, 320, 1)
        self.branch3x3_1 = ConvRelu(in_channels, 384, 1)
        self.branch3x3_2a = ConvRelu(384, 384, along)
        self.branch3x3_2b = ConvRelu(384, 384, down)
        self.branch3x3dbl_1 = ConvRelu(in_channels, 448, 1)
        self.branch3x3dbl_2 = ConvRelu(448, 384, 3)
        self.branch3x3dbl_3a = ConvRelu(384, 384, along)
        self.branch3x3dbl_3b = ConvRelu(384, 384, down)
        self.branch_pool = ConvRelu(in_channels, 192, 1)

    def forward(self, inputs: Tensor) -> Tensor:
        """Return the branches one after the other."""
        single = self.branch3x3_1(inputs)
        double = self.branch3x3dbl_2(self.branch3x3dbl_1(inputs))
        pooled = functional.max_pool2d(inputs, 3, 1, 1) if self.largest else _average(inputs)
        branches = [
            self.branch1x1(inputs),
            self.branch3x3_2a(single),
            self.branch3x3_2b(single),
            self.branch3x3dbl_3a(double),
            self.branch3x3dbl_3b(double),
            self.branch_pool(pooled),
        ]
        return torch.cat(branches, 1)


def _average(inputs: Tensor) -> Tensor:
    return functional.avg_pool2d(inputs, 3, 1, 1, count_include_pad=False)
