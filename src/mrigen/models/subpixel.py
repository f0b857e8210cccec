"""Transposed convolutions without multiplying by zeros."""

from itertools import product
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional
from torch.nn.grad import conv2d_weight

# Up to this many channels one convolution to `stride ** 2` times as many is quicker than
# `stride ** 2` convolutions, though it multiplies by some zeros.
_NARROW = 16
# Where the kernel is a multiple of the stride, oneDNN's own way forwards is slower up to here.
_SINGLE = 4


class Phase(NamedTuple):
    """Every `stride`-th pixel of the answer, along one axis.

    Attributes
    ----------
    tap
        First tap of the flipped kernel that reaches these pixels; the others follow in strides.
    before, after
        How many pixels they look at before and after the one of the input they lie at.
    """

    tap: int
    before: int
    after: int


def transposed_convolution(
    images: Tensor, weight: Tensor, bias: Tensor | None, stride: int, crop: int
) -> Tensor:
    """Convolve (N, C, H, W) to (N, out, H * stride, W * stride).

    Every `stride`-th row and column of the answer is a plain convolution of the images with
    every `stride`-th tap of the flipped kernel. On a CPU.

    Parameters
    ----------
    images
        Of any memory layout; channels-last is the quick one.
    weight : (C, out, K, K)
        As torch's transposed convolution has it.
    bias : (out,) or None
    stride
        Not above K.
    crop
        Rows and columns that are missing at the top and on the left, as torch's `padding`.

    References
    ----------
    Shi et al. 2016, doi:10.1109/CVPR.2016.207
    """
    # Autocast looks neither into the pieces of a kernel nor at gradients.
    if torch.is_autocast_enabled("cpu") and images.dtype == torch.float32:
        images = images.to(torch.get_autocast_dtype("cpu"))
    weight = weight.to(images.dtype)
    bias = None if bias is None else bias.to(images.dtype)
    if torch.compiler.is_compiling():  # which finds its own way back
        return _forward(images, weight, bias, stride, crop)
    answer: Tensor = _TransposedConvolution.apply(images, weight, bias, stride, crop)  # type: ignore[no-untyped-call]
    return answer


class _TransposedConvolution(torch.autograd.Function):
    """By phases forwards; backwards by the strided convolution of which this is the transpose.

    Autograd's own way back through the phases takes half as long again: it would pad, add and
    crop the gradients of every one of them.
    """

    @staticmethod
    def forward(
        ctx: Any, images: Tensor, weight: Tensor, bias: Tensor | None, stride: int, crop: int
    ) -> Tensor:
        ctx.save_for_backward(images, weight)
        ctx.stride, ctx.crop = stride, crop
        # Detached, since autograd lets nobody overwrite what a function gives out as a view.
        return _forward(images, weight, bias, stride, crop).detach()

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        images, weight = ctx.saved_tensors
        after = weight.shape[-1] - ctx.stride - ctx.crop
        padded = functional.pad(gradient, (ctx.crop, after, ctx.crop, after))
        of_images = of_weight = of_bias = None
        if ctx.needs_input_grad[0]:
            of_images = functional.conv2d(padded, weight, stride=ctx.stride)
        if ctx.needs_input_grad[1]:
            of_weight = conv2d_weight(padded, weight.shape, images, stride=ctx.stride)  # type: ignore[no-untyped-call]
        if ctx.needs_input_grad[2]:
            of_bias = gradient.sum((0, 2, 3))
        return of_images, of_weight, of_bias, None, None


def _forward(images: Tensor, weight: Tensor, bias: Tensor | None, stride: int, crop: int) -> Tensor:
    if weight.shape[-1] % stride == 0 and stride > 1 and weight.shape[1] > _SINGLE:
        answer = functional.conv_transpose2d(images, weight, bias, stride, crop)
        height, width = (size * stride for size in images.shape[2:])
        return answer.narrow(2, 0, height).narrow(3, 0, width)
    axis = phases(weight.shape[-1], stride, crop)
    flipped = weight.flip(2, 3).transpose(0, 1)
    pieces = {
        (row, column): flipped[..., row.tap :: stride, column.tap :: stride]
        for row, column in product(axis, repeat=2)
    }
    if weight.shape[1] <= _NARROW:
        answers = list(_at_once(images, pieces, bias))
    else:
        answers = [_convolve(images, piece, bias, *where) for where, piece in pieces.items()]
    return _interleave(answers, stride)


def phases(kernel: int, stride: int, crop: int) -> list[Phase]:
    """Return the `stride` phases of an axis.

    >>> phases(kernel=4, stride=2, crop=1)
    [Phase(tap=0, before=1, after=0), Phase(tap=1, before=0, after=1)]
    """
    answer = []
    for offset in range(stride):
        after, first = divmod(offset + crop, stride)
        count = -(-(kernel - first) // stride)
        last = first + (count - 1) * stride
        answer.append(Phase(kernel - 1 - last, count - 1 - after, after))
    return answer


def _at_once(
    images: Tensor, pieces: dict[tuple[Phase, Phase], Tensor], bias: Tensor | None
) -> tuple[Tensor, ...]:
    axis = [row for row, _ in pieces]
    whole = Phase(0, max(phase.before for phase in axis), max(phase.after for phase in axis))
    kernels = [
        functional.pad(
            piece,
            (
                whole.before - column.before,
                whole.after - column.after,
                whole.before - row.before,
                whole.after - row.after,
            ),
        )
        for (row, column), piece in pieces.items()
    ]
    biases = None if bias is None else bias.repeat(len(kernels))
    return _convolve(images, torch.cat(kernels), biases, whole, whole).chunk(len(kernels), 1)


def _convolve(
    images: Tensor, weight: Tensor, bias: Tensor | None, row: Phase, column: Phase
) -> Tensor:
    # Padded alike on both sides and then cropped: a padded copy of the images costs more.
    padding = (max(row.before, row.after), max(column.before, column.after))
    answer = functional.conv2d(images, weight, bias, padding=padding)
    answer = answer.narrow(2, padding[0] - row.before, images.shape[2])
    return answer.narrow(3, padding[1] - column.before, images.shape[3])


def _interleave(answers: list[Tensor], stride: int) -> Tensor:
    if stride == 1:
        return answers[0]
    # In the order of memory: (N, H, stride, W, stride, out).
    pixels = [answer.permute(0, 2, 3, 1) for answer in answers]
    rows = [
        torch.stack(pixels[first : first + stride], 3).flatten(2, 3)
        for first in range(0, len(pixels), stride)
    ]
    return torch.stack(rows, 2).flatten(1, 2).permute(0, 3, 1, 2)
