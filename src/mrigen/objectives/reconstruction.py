"""Restoration by a mixture of distances between the answer and the clean slice."""

from collections.abc import Mapping
from typing import Annotated, Literal, Self, get_args

import torch
from pydantic import Field, field_validator, model_validator
from torch import Tensor, nn

from mrigen.config import Config
from mrigen.data.loader import Batch
from mrigen.errors import ModelError
from mrigen.metrics.similarity import structural_similarity
from mrigen.models.interfaces import Regularised
from mrigen.objectives.base import Phase

Distance = Literal["mse", "l1", "dssim"]
Weight = Annotated[float, Field(gt=0)]


class ReconstructionConfig(Config):
    """Distances with their weights, and what counts beside them.

    `terms` may name "mse" (mean squared error), "l1" (mean absolute error) and "dssim"
    ((1 - SSIM) / 2). `patch_weight` counts the pixels of the patch rectangle that many times in
    "mse" and "l1"; "dssim" judges windows of 11 pixels, which lie inside and outside at once, and
    stays as it is. `l2_weight` is what Keras calls an L2 regulariser.
    """

    name: Literal["reconstruction"]
    terms: dict[Distance, Weight] = Field(default={"mse": 1.0}, min_length=1)
    patch_weight: float = Field(1.0, ge=1, description="1 is the studies' plain mean")
    l2_weight: float = Field(0.0, ge=0, description="of the sum of squared kernels")

    @field_validator("terms", mode="before")
    @classmethod
    def _known_distances(cls, terms: object) -> object:
        names = get_args(Distance)
        if isinstance(terms, Mapping):
            known = all(name in names for name in terms)
            if not known or any(isinstance(weight, bool) for weight in terms.values()):
                listed = ", ".join(f"'{name}'" for name in names)
                raise ValueError(f"weights, above 0, of some of {listed}")
        return terms

    @model_validator(mode="after")
    def _patch_counts(self) -> Self:
        if self.patch_weight > 1 and set(self.terms) == {"dssim"}:
            raise ValueError(
                "a 'patch_weight' of 1 with 'dssim' alone, which has no single pixels to count"
            )
        return self


class Reconstruction:
    """Distance between the answer to the damaged slice and the clean slice.

    Parameters
    ----------
    network
        Called on `batch.input`; answers images of the same shape.
    config
        Which distances, how much the patch rectangle weighs, and the penalty on kernels.

    Raises
    ------
    ModelError
        If kernels are to be penalised and the network names none.

    Notes
    -----
    DSSIM is that of `tf.image.ssim` with a largest value of 1. It is computed in float32 under
    autocast too: the variances in it are small differences of large numbers.

    The penalty is Keras': the weight times the sum of squares, without a half, added to the loss
    of training and validation alike. Keras sets it layer by layer, so the network says which of
    its kernels are meant; weight decay of an optimiser would reach all of them, and biases too.

    References
    ----------
    Zhao et al. 2017, doi:10.1109/TCI.2016.2644865; SSIM: Wang et al. 2004,
    doi:10.1109/TIP.2003.819861
    """

    def __init__(self, network: nn.Module, config: ReconstructionConfig) -> None:
        self.network = network
        self.config = config
        self.kernels = _penalised_kernels(network) if config.l2_weight > 0 else []
        self.phases = (Phase("network", network),)

    def loss(
        self,
        phase: str,  # noqa: ARG002
        batch: Batch,
        progress: float = 1.0,  # noqa: ARG002
    ) -> dict[str, Tensor]:
        """Return the weighted sum, and its plain parts: "mse" always, the others if named.

        Parts are means over all pixels, whatever the patch weighs; "l2" is the penalty as it is
        added.
        """
        answer = self.network(batch.input)
        with torch.autocast(answer.device.type, enabled=False):
            return self._compare(answer.float(), batch)

    def _compare(self, answer: Tensor, batch: Batch) -> dict[str, Tensor]:
        error = answer - batch.target
        counts = 1 + (self.config.patch_weight - 1) * batch.patch
        named = self.config.terms
        total: list[Tensor] = []
        parts = {"mse": error.square()}
        if "l1" in named:
            parts["l1"] = error.abs()
        for name, part in parts.items():
            if name in named:
                total.append(named[name] * (counts * part).sum() / counts.sum())
        terms = {name: part.mean().detach() for name, part in parts.items()}
        if "dssim" in named:
            dssim = (1 - structural_similarity(answer, batch.target).mean()) / 2
            total.append(named["dssim"] * dssim)
            terms["dssim"] = dssim.detach()
        if self.kernels:
            squares = torch.stack([kernel.square().sum() for kernel in self.kernels])
            penalty = self.config.l2_weight * squares.sum()
            total.append(penalty)
            terms["l2"] = penalty.detach()
        return {"loss": torch.stack(total).sum(), **terms}


def _penalised_kernels(network: nn.Module) -> list[Tensor]:
    if not isinstance(network, Regularised):
        raise ModelError(
            f"objective 'reconstruction' has an 'l2_weight', and '{type(network).__name__}' names "
            "no kernels to penalise: set 'l2_weight' to 0, or use 'training.weight_decay'."
        )
    return network.penalised_kernels()
