"""Which networks turn images into features, as `params.yaml` names them."""

from pathlib import Path
from typing import Annotated, Literal

import torch
from pydantic import AfterValidator, Field, StringConstraints

from mrigen.config import Config
from mrigen.metrics.features import FeatureExtractor, efficientnet_lite0, inception_v3
from mrigen.metrics.torchscript import torchscript_extractor

EFFICIENTNET = "efficientnet_lite0"
INCEPTION = "inception"


class EfficientNetConfig(Config):
    """EfficientNet-Lite0, whose weights come with a package; its distances are not FID values."""

    name: Literal["efficientnet_lite0"] = "efficientnet_lite0"

    @property
    def label(self) -> str:
        """Stands before the names of its numbers where it is not the first extractor."""
        return self.name

    def build(
        self,
        device: torch.device | str = "cpu",
        *,
        root: Path = Path(),  # noqa: ARG002 - for those whose weights lie in the project
    ) -> FeatureExtractor:
        """Load the network.

        Raises
        ------
        ModelError
            If its weights are missing or damaged.
        """
        return efficientnet_lite0(device=device)


class InceptionConfig(Config):
    """The Inception network of FID and of the Inception Score."""

    name: Literal["inception"]
    weights: Path = Field(
        description="pt_inception-2015-12-05-6726825d.pth, from the project's folder"
    )

    @property
    def label(self) -> str:
        """Stands before the names of its numbers where it is not the first extractor."""
        return self.name

    def build(self, device: torch.device | str = "cpu", *, root: Path = Path()) -> FeatureExtractor:
        """Load the network, whose weights lie in `root` unless their path is absolute.

        Raises
        ------
        ModelError
            If its weights are missing or other ones.
        """
        return inception_v3(root / self.weights, device=device)


def _free(label: str) -> str:
    if label in {EFFICIENTNET, INCEPTION}:
        raise ValueError("a label of its own: this one is another network's")
    return label


def _rising(ends: tuple[float, float]) -> tuple[float, float]:
    if ends[0] >= ends[1]:
        raise ValueError("two numbers, the smaller first")
    return ends


class TorchScriptConfig(Config):
    """Any network in a TorchScript file that turns images into features."""

    name: Literal["torchscript"]
    label: Annotated[
        str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,62}$"), AfterValidator(_free)
    ] = Field(description="before the names of its numbers where it is not the first extractor")
    path: Path = Field(description="of the file, from the project's folder")
    channels: int = Field(ge=1, le=64, description="it expects; a grey image is repeated in each")
    size: int = Field(ge=8, le=2048, description="of the images it expects, in pixels")
    value_range: Annotated[tuple[float, float], AfterValidator(_rising)] = Field(
        description="what black and white become"
    )
    sha256: Annotated[str, StringConstraints(pattern=r"^[0-9a-fA-F]{64}$")] | None = Field(
        None, description="of the file, if it must be this one"
    )

    def build(self, device: torch.device | str = "cpu", *, root: Path = Path()) -> FeatureExtractor:
        """Load the network, whose file lies in `root` unless its path is absolute.

        Raises
        ------
        ModelError
            If the file is missing or another one, or is no network for such images.
        """
        return torchscript_extractor(
            root / self.path,
            label=self.label,
            channels=self.channels,
            size=self.size,
            value_range=self.value_range,
            digest=self.sha256,
            device=device,
        )


ExtractorConfig = Annotated[
    EfficientNetConfig | InceptionConfig | TorchScriptConfig, Field(discriminator="name")
]
