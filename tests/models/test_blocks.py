"""Keras' padding, from first principles: where each output pixel looks."""

import pytest
import torch

from mrigen.models.blocks import SameConv2d, SameConvTranspose2d


@pytest.mark.parametrize(
    ("kernel", "stride", "before", "after"),
    [(4, 2, 1, 1), (3, 2, 0, 1), (5, 2, 1, 2), (2, 1, 0, 1), (3, 1, 1, 1), (5, 1, 2, 2)],
)
def test_convolution_pads_as_keras_does(kernel, stride, before, after):
    torch.manual_seed(0)
    layer = SameConv2d(2, 3, kernel, stride=stride)
    images = torch.randn(1, 2, 16, 16)
    padded = torch.nn.functional.pad(images, (before, after, before, after))
    expected = torch.nn.functional.conv2d(padded, layer.weight, layer.bias, stride)
    torch.testing.assert_close(layer(images), expected)


@pytest.mark.parametrize("size", [15, 16, 17])
@pytest.mark.parametrize(("kernel", "stride"), [(3, 2), (4, 2), (5, 2), (3, 1), (2, 1)])
def test_convolution_gives_the_size_divided_by_the_stride(kernel, stride, size):
    layer = SameConv2d(1, 1, kernel, stride=stride)
    assert layer(torch.rand(1, 1, size, size)).shape[-2:] == (-(-size // stride),) * 2


@pytest.mark.parametrize(("kernel", "stride"), [(4, 2), (3, 2), (5, 2), (5, 1), (3, 1)])
def test_transposed_convolution_is_the_adjoint_of_the_convolution(kernel, stride):
    # Keras defines a transposed convolution as the gradient of the convolution with the same
    # kernel and padding: <conv(x), y> = <x, transposed(y)>.
    torch.manual_seed(0)
    down = SameConv2d(2, 3, kernel, stride=stride, bias=False).double()
    up = SameConvTranspose2d(3, 2, kernel, stride).double()
    with torch.no_grad():
        up.weight.copy_(down.weight)
        up.bias.zero_()
    large = torch.randn(1, 2, 12, 12, dtype=torch.double)
    small = torch.randn(1, 3, 12 // stride, 12 // stride, dtype=torch.double)
    torch.testing.assert_close((down(large) * small).sum(), (large * up(small)).sum())
