"""The Inception-v3 network by whose features FID and the Inception Score are defined."""

from collections.abc import Mapping
from hashlib import sha256
from io import BytesIO
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from mrigen.errors import ModelError
from mrigen.metrics.inception_blocks import BlockA, BlockB, BlockC, BlockD, BlockE, ConvRelu

FEATURES = 2048
CLASSES = 1008
IMAGE_SIZE = 299

#: Content of pt_inception-2015-12-05-6726825d.pth, the weights that pytorch-fid publishes, and
#: torch-fidelity as weights-inception-2015-12-05-6726825d.pth.
WEIGHTS_SHA256 = "6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2"

_WEIGHTS = (
    "pt_inception-2015-12-05-6726825d.pth of https://github.com/mseitzer/pytorch-fid/releases"
)
_MAX_BYTES = 2**27  # the file has 95,628,359
_BATCH_NORM_EPS = 1e-3


class Inception(nn.Module):
    """Inception-v3 for inference as TensorFlow published it on 2015-12-05.

    Layers have the names of the published files, batch normalisation is folded into them. Against
    the network of the paper, and of torchvision, averages leave out pixels beyond the border, the
    last block takes a maximum, and there are 1008 classes.

    Notes
    -----
    Names, shapes and answers were compared with pytorch-fid's network on random weights. That
    they are the published ones on the published weights could not be tried: the file must be
    fetched by hand.

    References
    ----------
    Szegedy et al., "Rethinking the Inception architecture for computer vision", 2015,
    arXiv:1512.00567; Heusel et al., 2017, arXiv:1706.08500.
    """

    def __init__(self) -> None:
        super().__init__()
        self.Conv2d_1a_3x3 = ConvRelu(3, 32, 3, stride=2)
        self.Conv2d_2a_3x3 = ConvRelu(32, 32, 3, padded=False)
        self.Conv2d_2b_3x3 = ConvRelu(32, 64, 3)
        self.Conv2d_3b_1x1 = ConvRelu(64, 80, 1)
        self.Conv2d_4a_3x3 = ConvRelu(80, 192, 3, padded=False)
        self.Mixed_5b = BlockA(192, 32)
        self.Mixed_5c = BlockA(256, 64)
        self.Mixed_5d = BlockA(288, 64)
        self.Mixed_6a = BlockB()
        self.Mixed_6b = BlockC(128)
        self.Mixed_6c = BlockC(160)
        self.Mixed_6d = BlockC(160)
        self.Mixed_6e = BlockC(192)
        self.Mixed_7a = BlockD()
        self.Mixed_7b = BlockE(1280, largest=False)
        self.Mixed_7c = BlockE(2048, largest=True)
        self.fc = nn.Linear(FEATURES, CLASSES)

    def forward(self, images: Tensor) -> Tensor:
        """Return the pooled last layer.

        Parameters
        ----------
        images : (N, 3, 299, 299) float32, RGB as (value in [0, 255] - 128) / 128

        Returns
        -------
        (N, 2048) float32, at least 0
        """
        hidden = self.Conv2d_2b_3x3(self.Conv2d_2a_3x3(self.Conv2d_1a_3x3(images)))
        hidden = functional.max_pool2d(hidden, 3, 2)  # (N, 64, 73, 73)
        hidden = self.Conv2d_4a_3x3(self.Conv2d_3b_1x1(hidden))
        hidden = functional.max_pool2d(hidden, 3, 2)  # (N, 192, 35, 35)
        hidden = self.Mixed_5d(self.Mixed_5c(self.Mixed_5b(hidden)))
        hidden = self.Mixed_6c(self.Mixed_6b(self.Mixed_6a(hidden)))  # (N, 768, 17, 17)
        hidden = self.Mixed_6e(self.Mixed_6d(hidden))
        hidden = self.Mixed_7c(self.Mixed_7b(self.Mixed_7a(hidden)))  # (N, 2048, 8, 8)
        pooled: Tensor = hidden.mean(dim=(2, 3))
        return pooled

    def logits(self, features: Tensor) -> Tensor:
        """Return the logits of which the Inception Score is made, without the classes' biases.

        Parameters
        ----------
        features : (N, 2048) as `forward` returns them

        Returns
        -------
        (N, 1008) float32 on the device of the features

        Notes
        -----
        The published score leaves the biases out, whether by intention or not.
        """
        return features @ self.fc.weight.detach().to(features.device).T


def resize_as_tensorflow(images: Tensor, size: int) -> Tensor:
    """Resize images as the resizing layer in FID's own graph does.

    Parameters
    ----------
    images : (N, C, H, W) float32
    size
        Height and width of the answer.

    Returns
    -------
    (N, C, size, size) float32

    Notes
    -----
    Bilinear between the pixels at `place * old / new`, with the first pixel in the first place
    and no averaging when it shrinks: the convention of TensorFlow 1. Half a pixel's shift moves
    FID by whole points, see Parmar et al., arXiv:2104.11222.
    """
    for dim in (3, 2):
        old = images.shape[dim]
        places = torch.arange(size, dtype=torch.float32, device=images.device) * (old / size)
        before = places.long()
        after = (before + 1).clamp(max=old - 1)
        share = (places - before).view([-1 if axis == dim else 1 for axis in range(4)])
        lower, upper = images.index_select(dim, before), images.index_select(dim, after)
        images = lower + (upper - lower) * share
    return images


def load_inception(path: Path) -> Inception:
    """Return the network with its published weights, on the CPU and in evaluation mode.

    Parameters
    ----------
    path
        The file pt_inception-2015-12-05-6726825d.pth.

    Raises
    ------
    ModelError
        If the file is missing or is not the one that FID is defined by.
    """
    network = Inception()
    network.load_state_dict(_folded(_read_weights(path), network))
    network.requires_grad_(requires_grad=False)
    return network.eval()


def _read_weights(path: Path) -> dict[str, Tensor]:
    try:
        with path.open("rb") as file:
            content = file.read(_MAX_BYTES + 1)
    except OSError as error:
        raise ModelError(
            f"the Inception weights '{path}' cannot be read ({error.strerror}): expected "
            f"{_WEIGHTS}. Fetch it, or correct 'weights'."
        ) from None
    digest = sha256(content).hexdigest()
    if digest != WEIGHTS_SHA256:
        raise ModelError(
            f"the Inception weights '{path}' have the sha256 {digest[:8]}...: expected "
            f"{WEIGHTS_SHA256[:8]}..., that of {_WEIGHTS}. Fetch it again."
        )
    # As for EfficientNet: a torch file pinned by its digest, of which tensors alone are read.
    tensors: dict[str, Tensor] = torch.load(BytesIO(content), weights_only=True)
    return tensors


def _folded(tensors: Mapping[str, Tensor], network: Inception) -> dict[str, Tensor]:
    # Each convolution takes the scale and shift of the normalisation that follows it.
    folded = {"fc.weight": tensors["fc.weight"], "fc.bias": tensors["fc.bias"]}
    for name, layer in network.named_modules():
        if isinstance(layer, ConvRelu):
            variance = tensors[f"{name}.bn.running_var"].double()
            scale = tensors[f"{name}.bn.weight"].double() / (variance + _BATCH_NORM_EPS).sqrt()
            weight = tensors[f"{name}.conv.weight"].double() * scale.view(-1, 1, 1, 1)
            shift = tensors[f"{name}.bn.bias"] - tensors[f"{name}.bn.running_mean"] * scale
            folded[f"{name}.weight"], folded[f"{name}.bias"] = weight.float(), shift.float()
    return folded
