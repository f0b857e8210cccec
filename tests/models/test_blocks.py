"""Keras' padding, from first principles: where each output pixel looks."""

import pytest
import torch
from torch.nn import functional

from mrigen.models import deep
from mrigen.models.blocks import SameConv2d, SameConvTranspose2d, from_grid, to_grid


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


def plain_same(layer: SameConv2d, images: torch.Tensor) -> torch.Tensor:
    kernel, stride = layer.kernel_size[0], layer.stride[0]
    padding = []
    for size in (images.shape[-1], images.shape[-2]):
        total = max((-(-size // stride) - 1) * stride + kernel - size, 0)
        padding += [total // 2, total - total // 2]
    padded = functional.pad(images, padding)
    return functional.conv2d(padded, layer.weight, layer.bias, stride)


def plain_transposed(layer: SameConvTranspose2d, images: torch.Tensor) -> torch.Tensor:
    kernel, stride = layer.kernel_size[0], layer.stride[0]
    total = kernel - stride
    answer = functional.conv_transpose2d(images, layer.weight, layer.bias, stride, total // 2)
    height, width = (size * stride for size in images.shape[-2:])
    return answer[..., :height, :width]


PLAIN = {SameConv2d: plain_same, SameConvTranspose2d: plain_transposed}
LAYERS = [
    (layer, kernel, stride, channels)
    for layer in PLAIN
    for kernel, stride in [(5, 2), (4, 2), (3, 2), (2, 2), (5, 1), (3, 1), (1, 1), (5, 3), (4, 3)]
    for channels in [(1, 2), (3, 1), (3, 20)]  # grey; few and many channels go different ways
]


def make_layer(kind: type, kernel: int, stride: int, channels: tuple[int, int]) -> torch.nn.Module:
    torch.manual_seed(0)
    layer = kind(*channels, kernel, stride=stride)
    torch.nn.init.normal_(layer.bias)
    return layer


@pytest.mark.parametrize(("kind", "kernel", "stride", "channels"), LAYERS)
@pytest.mark.parametrize("shape", [(8, 8), (7, 10), (1, 3)])
def test_equals_the_plain_formulation_with_both_derivatives(kind, kernel, stride, channels, shape):
    layer = make_layer(kind, kernel, stride, channels).double()
    images = torch.randn(2, channels[0], *shape, dtype=torch.double, requires_grad=True)
    results = []
    for compute in (layer, lambda images: PLAIN[kind](layer, images)):
        answer = compute(images)
        # A penalty on the slope, as R1 has it, through an activation: a second derivative.
        (slope,) = torch.autograd.grad(answer.sigmoid().sum(), images, create_graph=True)
        loss = slope.square().sum() + answer.square().mean()
        gradients = torch.autograd.grad(loss, [images, *layer.parameters()])
        results.append([answer, slope, *gradients])
    torch.testing.assert_close(*results)


@pytest.mark.parametrize(("kind", "kernel", "stride", "channels"), LAYERS)
@pytest.mark.parametrize("count", [1, 3])
def test_memory_layout_does_not_change_the_answer(kind, kernel, stride, channels, count):
    layer = make_layer(kind, kernel, stride, channels)
    images = torch.randn(count, channels[0], 9, 8)
    expected = PLAIN[kind](layer, images)
    torch.testing.assert_close(layer(images), expected)
    layer = layer.to(memory_format=torch.channels_last)
    answer = layer(images.contiguous(memory_format=torch.channels_last))
    torch.testing.assert_close(answer, expected)
    assert answer.is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize(("kind", "kernel", "stride", "channels"), LAYERS)
def test_autocast_answers_in_bfloat16_and_keeps_float32_gradients(kind, kernel, stride, channels):
    layer = make_layer(kind, kernel, stride, channels)
    images = torch.randn(2, channels[0], 8, 8)
    expected = PLAIN[kind](layer, images)
    answers = []
    with torch.autocast("cpu", dtype=torch.bfloat16):
        for given in (images, images.bfloat16()):
            answer = layer(given)
            assert answer.dtype == torch.bfloat16
            torch.testing.assert_close(answer.float(), expected, rtol=0.02, atol=0.05)
            answers.append(answer)
    for answer in answers:  # gradients are taken outside autocast
        gradients = torch.autograd.grad(answer.float().sum(), list(layer.parameters()))
        assert all(gradient.dtype == torch.float32 for gradient in gradients)


@pytest.mark.parametrize(("kind", "kernel", "stride", "channels"), LAYERS)
def test_shapes_can_be_told_without_memory(kind, kernel, stride, channels):
    real = make_layer(kind, kernel, stride, channels)
    with torch.device("meta"):
        layer = kind(*channels, kernel, stride=stride)
        images = torch.empty(2, channels[0], 8, 8)
    assert layer(images).shape == real(torch.zeros(2, channels[0], 8, 8)).shape
    assert {k: v.shape for k, v in layer.state_dict().items()} == {
        "weight": (channels if kind is SameConvTranspose2d else channels[::-1]) + (kernel,) * 2,
        "bias": channels[1:],
    }


@pytest.mark.parametrize(("kernel", "stride"), [(3, 1), (2, 1), (4, 2), (6, 2), (6, 3), (2, 2)])
@pytest.mark.parametrize(("height", "width"), [(4, 4), (3, 5), (1, 2)])
def test_product_of_matrices_equals_the_plain_formulation(kernel, stride, height, width):
    down, up = (make_layer(kind, kernel, stride, (3, 2)).double() for kind in PLAIN)
    total = kernel - stride
    images = torch.randn(2, 3, height * stride, width * stride, dtype=torch.double)
    padding = (total // 2, total - total // 2) * 2
    answer = deep.convolution(images, down.weight, down.bias, stride, padding)
    torch.testing.assert_close(answer, plain_same(down, images))
    small = torch.randn(2, 3, height, width, dtype=torch.double)
    answer = deep.transposed_convolution(small, up.weight, up.bias, stride, total // 2)
    torch.testing.assert_close(answer, plain_transposed(up, small))


@pytest.mark.parametrize("kind", PLAIN)
def test_many_channels_on_few_pixels_go_through_a_product_in_bfloat16(kind, monkeypatch):
    monkeypatch.setattr(deep, "_WEIGHTS", 3 * 20 * 16)
    monkeypatch.setattr(deep, "_PIXELS", 2 * 4 * 4)
    layer = make_layer(kind, 4, 2, (3, 20))
    size = 8 if kind is SameConv2d else 4
    images = torch.randn(2, 3, size, size)
    expected = PLAIN[kind](layer, images)
    gradient = torch.randn_like(expected)
    (expected_slope,) = torch.autograd.grad(expected, layer.weight, gradient)
    calls = []
    real = functional.linear
    monkeypatch.setattr(functional, "linear", lambda *given: calls.append(1) or real(*given))
    layer(images)
    layer(torch.randn(3, 3, size, size).bfloat16().float())
    assert not calls
    with torch.autocast("cpu", dtype=torch.bfloat16):
        answer = layer(images.bfloat16())
    assert calls == [1]
    torch.testing.assert_close(answer.float(), expected, rtol=0.02, atol=0.05)
    (slope,) = torch.autograd.grad(answer, layer.weight, gradient.bfloat16())
    assert slope.dtype == torch.float32
    torch.testing.assert_close(slope, expected_slope, rtol=0.05, atol=0.2)


def test_grids_and_vectors_keep_values_and_change_the_order_of_gradients():
    vectors = torch.randn(2, 3 * 4 * 4, dtype=torch.double, requires_grad=True)
    orders = []
    features = to_grid(vectors, 4)
    assert torch.equal(features, vectors.reshape(2, 3, 4, 4))
    assert features.is_contiguous(memory_format=torch.channels_last)
    activated = functional.leaky_relu(features) * 1
    activated.register_hook(
        lambda g: orders.append(g.is_contiguous(memory_format=torch.channels_last))
    )
    answer = from_grid(activated)
    assert torch.equal(answer, functional.leaky_relu(vectors))
    (answer * torch.rand_like(answer)).sum().backward()
    assert orders == [True]
    assert torch.autograd.gradgradcheck(lambda v: from_grid(to_grid(v, 4) ** 3), vectors)


@pytest.mark.parametrize(("kind", "kernel", "stride", "channels"), LAYERS)
def test_answers_may_be_overwritten(kind, kernel, stride, channels):
    layer = make_layer(kind, kernel, stride, channels)
    functional.leaky_relu_(layer(torch.randn(2, channels[0], 8, 8))).sum().backward()
    assert layer.weight.grad.abs().sum() > 0
