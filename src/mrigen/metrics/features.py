"""Image features for distances between sets: a network and the images it wants to see."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from mrigen.errors import DataError, ModelError
from mrigen.metrics import inception
from mrigen.metrics.efficientnet_lite import (
    FEATURES,
    IMAGE_SIZE,
    WEIGHTS_SHA256,
    load_efficientnet_lite0,
)


def antialiased(images: Tensor, size: int) -> Tensor:
    """Resize (N, C, H, W) images bilinearly, averaging over what lies between where they shrink."""
    return functional.interpolate(images, (size, size), mode="bilinear", antialias=True)


@dataclass(frozen=True)
class FeatureExtractor:
    """A pretrained network together with what it expects of its input.

    Attributes
    ----------
    name
        Stands beside every distance computed with it: distances of different extractors have
        different scales and must never be compared.
    network
        Maps (N, channels, size, size) float32 in `value_range` to (N, features).
    features
        Values per image.
    channels
        Colour channels; a grey image is repeated in each.
    size
        Height and width in pixels; images of other sizes are resized.
    value_range
        What the image values 0 and 1 become.
    digest
        Changes whenever its answers do: features are kept under it.
    resize
        How: (N, C, H, W) and a size to (N, C, size, size).
    device
        Where the network is.
    """

    name: str
    network: nn.Module
    features: int
    channels: int
    size: int
    value_range: tuple[float, float]
    digest: str = ""
    resize: Callable[[Tensor, int], Tensor] = antialiased
    device: torch.device = torch.device("cpu")  # noqa: RUF009 - it is immutable

    def __call__(self, images: Tensor, *, chunk: int = 8) -> Tensor:
        """Extract the features of images.

        Parameters
        ----------
        images : (N, 1, H, W) float32 in [0, 1]
        chunk
            Images the network sees at a time. Few are faster on a CPU, whose cache they fit.

        Returns
        -------
        (N, features) float32 on the CPU

        Raises
        ------
        DataError
            If the images do not have this shape.
        ModelError
            If the network does not answer with finite features.
        """
        if images.ndim != 4 or images.shape[1] != 1:
            raise DataError(
                f"images of shape {tuple(images.shape)} have no features: expected (N, 1, H, W)."
            )
        features = torch.empty(len(images), self.features)
        with torch.inference_mode():
            for start in range(0, len(images), chunk):
                part = images[start : start + chunk].to(self.device)
                answer = self.network(self.prepare(part))
                self._require_features(answer, len(part))
                features[start : start + chunk] = answer.cpu()
        return features

    def prepare(self, images: Tensor) -> Tensor:
        """Turn (N, 1, H, W) in [0, 1] into what the network expects, without the gradient."""
        low, high = self.value_range
        images = images.float()
        if images.shape[2:] != (self.size, self.size):
            images = self.resize(images, self.size)
        images = (images * (high - low) + low).expand(-1, self.channels, -1, -1)
        return images.contiguous(memory_format=torch.channels_last)

    def _require_features(self, answer: object, count: int) -> None:
        shape = tuple(answer.shape) if isinstance(answer, Tensor) else type(answer).__name__
        if not isinstance(answer, Tensor) or shape != (count, self.features):
            raise ModelError(
                f"extractor '{self.name}' answers {count} images with {shape}: expected "
                f"{(count, self.features)} features. Use another network."
            )
        if not bool(answer.isfinite().all()):
            raise ModelError(
                f"extractor '{self.name}' answers with features that are not finite: expected "
                "numbers. Use another network, or correct its value range."
            )


class _PooledFeatures(nn.Module):
    """The part of the classifier before its last layer."""

    def __init__(self) -> None:
        super().__init__()
        self.classifier = load_efficientnet_lite0()

    def forward(self, images: Tensor) -> Tensor:
        return self.classifier.features(images)


def efficientnet_lite0(*, device: torch.device | str = "cpu") -> FeatureExtractor:
    """Return 1280 pooled features of EfficientNet-Lite0, an ImageNet classifier.

    Its weights come with a package, so that it works without a network. Its distances are not FID
    values.

    Parameters
    ----------
    device
        Where it computes.

    Raises
    ------
    ModelError
        If its weights are missing or damaged.
    """
    network = _PooledFeatures().to(device)
    # Depthwise convolutions on a CPU are twice as fast with the channels innermost.
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return FeatureExtractor(
        name="efficientnet_lite0",
        network=network.eval(),
        features=FEATURES,
        channels=3,
        size=IMAGE_SIZE,
        # The classifier was trained on (value in [0, 255] - 127) / 128.
        value_range=(-127 / 128, 1.0),
        digest=WEIGHTS_SHA256,
        device=torch.device(device),
    )


def inception_v3(weights: Path, *, device: torch.device | str = "cpu") -> FeatureExtractor:
    """Return 2048 pooled features of the Inception network whose Fréchet distance is FID.

    Parameters
    ----------
    weights
        The file pt_inception-2015-12-05-6726825d.pth.
    device
        Where it computes.

    Raises
    ------
    ModelError
        If the file is missing or another one.

    Notes
    -----
    Images go through the resizing and the range of the published graph, (value - 128) / 128 of
    8 bits, as in torch-fidelity. pytorch-fid resizes in another way.
    """
    network = inception.load_inception(weights).to(device)
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return FeatureExtractor(
        name="inception",
        network=network,
        features=inception.FEATURES,
        channels=3,
        size=inception.IMAGE_SIZE,
        value_range=(-1.0, 127 / 128),
        digest=inception.WEIGHTS_SHA256,
        resize=inception.resize_as_tensorflow,
        device=torch.device(device),
    )
