"""Which networks turn images into features, as `params.yaml` names them."""

from typing import Literal

import torch

from mrigen.config import Config
from mrigen.metrics.features import FeatureExtractor, efficientnet_lite0


class EfficientNetConfig(Config):
    """EfficientNet-Lite0, whose weights come with a package; its distances are not FID values."""

    name: Literal["efficientnet_lite0"] = "efficientnet_lite0"

    @property
    def label(self) -> str:
        """Stands before the names of its numbers where it is not the first extractor."""
        return self.name

    def build(self, device: torch.device | str = "cpu") -> FeatureExtractor:
        """Load the network.

        Raises
        ------
        ModelError
            If its weights are missing or damaged.
        """
        return efficientnet_lite0(device=device)


ExtractorConfig = EfficientNetConfig
