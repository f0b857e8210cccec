"""Restoration by mean squared error."""

from typing import Literal

from pydantic import Field
from torch import Tensor, nn

from mrigen.config import Config
from mrigen.data.loader import Batch
from mrigen.objectives.base import Phase


class ReconstructionConfig(Config):
    """Mean squared error; `patch_weight` counts pixels of the patch more than once."""

    name: Literal["reconstruction"]
    patch_weight: float = Field(1.0, ge=1, description="1 is the studies' plain mean")


class Reconstruction:
    """Mean squared error between the answer to the damaged slice and the clean slice.

    Parameters
    ----------
    network
        Called on `batch.input`; answers images of the same shape.
    config
        How much the pixels of the patch rectangle weigh.
    """

    def __init__(self, network: nn.Module, config: ReconstructionConfig) -> None:
        self.network = network
        self.patch_weight = config.patch_weight
        self.phases = (Phase("network", network),)

    def loss(
        self,
        phase: str,  # noqa: ARG002
        batch: Batch,
        progress: float = 1.0,  # noqa: ARG002
    ) -> dict[str, Tensor]:
        """Return the weighted error, and the plain one as "mse"."""
        squared = (self.network(batch.input).float() - batch.target).square()
        weight = 1 + (self.patch_weight - 1) * batch.patch
        return {"loss": (weight * squared).sum() / weight.sum(), "mse": squared.mean().detach()}
