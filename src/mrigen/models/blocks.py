"""Layers as Keras computes them, so that the studies' networks are the same functions here.

Keras and PyTorch differ in three ways that matter: where `same` padding puts the odd row, how
much a transposed convolution crops, and the defaults of batch normalisation and initialisation.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from mrigen.models import deep, subpixel

KERAS_LEAKY_SLOPE = 0.3


class SameConv2d(nn.Conv2d):
    """Convolution with Keras' `same` padding: output size is `ceil(size / stride)`.

    Where the padding is odd, the extra row and column go after the image, not before it.
    """

    def forward(self, images: Tensor) -> Tensor:
        """Convolve (N, C, H, W) to (N, out, ceil(H / stride), ceil(W / stride))."""
        if self.in_channels == 1:
            images = _channels_last(images)
        kernel, stride = self.kernel_size[0], self.stride[0]
        vertical = _same_padding(images.shape[-2], kernel, stride)
        horizontal = _same_padding(images.shape[-1], kernel, stride)
        pixels = images.shape[-2] * images.shape[-1] // stride**2
        if deep.is_deep(images, self.weight, stride, pixels):
            padding = (*horizontal, *vertical)
            return deep.convolution(images, self.weight, self.bias, stride, padding)
        if vertical[0] == vertical[1] == horizontal[0] == horizontal[1]:
            before = vertical[0]
        else:
            images, before = functional.pad(images, (*horizontal, *vertical)), 0
        return functional.conv2d(images, self.weight, self.bias, self.stride, before)


class SameConvTranspose2d(nn.ConvTranspose2d):
    """Transposed convolution with Keras' `same` padding: output size is `size * stride`.

    Notes
    -----
    A CPU computes it by the convolutions it consists of, and its gradients as a convolution's
    (`mrigen.models.subpixel`). oneDNN's own is 1.3 to 10 times slower in bfloat16, and up to a
    fifth slower in float32. GPUs do it well.
    """

    def __init__(self, in_channels: int, out_channels: int, kernel_size: int, stride: int) -> None:
        total = max(kernel_size - stride, 0)
        # Keras crops the gradient of a padded convolution: `total // 2` before, the rest after.
        super().__init__(in_channels, out_channels, kernel_size, stride, padding=total // 2)
        self.surplus = total % 2

    def forward(self, images: Tensor, output_size: list[int] | None = None) -> Tensor:
        """Convolve (N, C, H, W) to (N, out, H * stride, W * stride)."""
        if self.in_channels == 1:
            images = _channels_last(images)
        kernel, stride = self.kernel_size[0], self.stride[0]
        crop = (kernel - stride) // 2
        pixels = images.shape[-2] * images.shape[-1]
        if kernel >= stride and deep.is_deep(images, self.weight, stride, pixels):
            return deep.transposed_convolution(images, self.weight, self.bias, stride, crop)
        if images.device.type == "cpu" and kernel >= stride:
            return subpixel.transposed_convolution(images, self.weight, self.bias, stride, crop)
        answer = super().forward(images, output_size)
        return answer[..., : -self.surplus, : -self.surplus] if self.surplus else answer


def to_grid(vectors: Tensor, grid: int) -> Tensor:
    """Turn (N, C * grid * grid) vectors into (N, C, grid, grid) features in channels-last order.

    What follows and its gradients are then all in one order. Where an activation meets two orders
    at once, torch is thirty times slower.
    """
    features = torch.unflatten(vectors, 1, (-1, grid, grid))
    return _reordered(features, torch.channels_last, torch.contiguous_format)


def from_grid(features: Tensor) -> Tensor:
    """Turn (N, C, H, W) features into (N, C * H * W) vectors; gradients arrive channels-last."""
    return _reordered(features, torch.contiguous_format, torch.channels_last).flatten(1)


class _Reordered(torch.autograd.Function):
    """Puts features into one order of memory and their gradients into another."""

    @staticmethod
    def forward(
        ctx: Any, features: Tensor, order: torch.memory_format, way_back: torch.memory_format
    ) -> Tensor:
        ctx.orders = order, way_back
        return features.clone(memory_format=order)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        order, way_back = ctx.orders
        return _reordered(gradient, way_back, order), None, None


def _reordered(
    features: Tensor, order: torch.memory_format, way_back: torch.memory_format
) -> Tensor:
    if torch.compiler.is_compiling():  # which chooses orders by itself
        return features.contiguous(memory_format=order)
    answer: Tensor = _Reordered.apply(features, order, way_back)  # type: ignore[no-untyped-call]
    return answer


def keras_batch_norm(channels: int) -> nn.BatchNorm2d:
    """Batch normalisation with Keras' epsilon and momentum."""
    return nn.BatchNorm2d(channels, eps=1e-3, momentum=0.01)


def initialise_as_keras(network: nn.Module) -> None:
    """Set Glorot-uniform kernels and zero biases, as Keras does unless told otherwise."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
            nn.init.xavier_uniform_(module.weight)
            if module.bias is not None:
                nn.init.zeros_(module.bias)


def _same_padding(size: int, kernel: int, stride: int) -> tuple[int, int]:
    total = max((-(-size // stride) - 1) * stride + kernel - size, 0)
    return total // 2, total - total // 2


def _channels_last(images: Tensor) -> Tensor:
    # An image of one channel is in every order at once. Only its strides say channels-last to
    # torch, which would otherwise lay out the answer the slower way.
    count, _, height, width = images.shape
    return images.reshape(count, height, width, 1).permute(0, 3, 1, 2)
