"""Learning the velocity of a straight path from noise to data."""

import math
from typing import Literal, Self

import torch
from pydantic import Field, model_validator
from torch import Tensor

from mrigen.config import Config
from mrigen.data.loader import Batch
from mrigen.errors import ModelError
from mrigen.models.flow.flow import Flow
from mrigen.models.interfaces import Condition
from mrigen.objectives.base import Phase

_REACHED = math.log(4)  # the logistic of it is 0.8


class FlowMatchingConfig(Config):
    """Squared distance from the velocity of a straight path."""

    name: Literal["flow_matching"]
    time_mean: float = Field(
        0.0, ge=-5, le=5, description="of a normal number whose logistic is the time"
    )
    time_std: float = Field(1.0, gt=0, le=5)
    condition_dropout: float = Field(
        0.1, ge=0, le=1, description="share of the images that nothing is told of"
    )
    condition_noise: float = Field(
        0.04, ge=0, le=0.5, description="standard deviation, in ranges of a number that is told"
    )

    @model_validator(mode="after")
    def _times_reach_both_ends(self) -> Self:
        if 3 * self.time_std - abs(self.time_mean) < _REACHED:
            raise ValueError(
                "times that reach from 0.2 to 0.8 within three 'time_std' of 'time_mean', since "
                "sampling runs over the whole path: raise 'time_std'"
            )
        return self


class FlowMatching:
    """Mean squared difference between the expected and the true velocity.

    Parameters
    ----------
    network
        A flow.
    config
        How times are drawn, and how often conditions are held back.

    Raises
    ------
    ModelError
        If the network compares what it is told with being told nothing, and is always told; or
        has conditions, and is never told any.

    Notes
    -----
    Times are logistic-normal. Conditions are held back from a share of the images all at once,
    for classifier-free guidance, and each of them alone from as large a share, so that the
    network can be asked for some of them and not for others. Numbers are told with noise, so
    that an age does not stand for the one person who has it.

    References
    ----------
    Lipman et al. 2023, doi:10.48550/arXiv.2210.02747; times: Esser et al. 2024,
    doi:10.48550/arXiv.2403.03206; held-back conditions: Ho and Salimans 2022,
    doi:10.48550/arXiv.2207.12598
    """

    def __init__(self, network: Flow, config: FlowMatchingConfig) -> None:
        sampling = network.config.sampling
        told = {one.name for one in network.conditions}
        insisting = {"guidance": sampling.guidance} if told else {}
        if "position_mm" in told and sampling.stack_guidance is not None:  # stacks can be drawn
            insisting["stack_guidance"] = sampling.stack_guidance
        for name, guidance in insisting.items():
            if guidance != 1 and not config.condition_dropout:
                raise ModelError(
                    f"'network.sampling.{name}' is {guidance:g} and 'objective.condition_dropout' "
                    "0: expected a network that also learns from images of which nothing is told. "
                    f"Set 'condition_dropout' to 0.1, or '{name}' to 1."
                )
        if told and config.condition_dropout == 1:
            raise ModelError(
                "'objective.condition_dropout' is 1 and the network has 'conditions': expected "
                "less, as it would never be told any. Set 'condition_dropout' to 0.1, or leave "
                "'network.conditions' out."
            )
        self.network = network
        self.config = config
        # A guide is a copy that does not learn.
        self.phases = (Phase("network", network.unet),)

    def loss(
        self,
        phase: str,  # noqa: ARG002
        batch: Batch,
        progress: float = 1.0,  # noqa: ARG002
    ) -> dict[str, Tensor]:
        """Return the loss: for a velocity of zero, 1 plus the mean square of the data."""
        data = self.network.to_data(batch.target)
        noise = torch.randn_like(data)
        normal = torch.randn(len(data), device=data.device)
        times = torch.sigmoid(normal * self.config.time_std + self.config.time_mean)
        t = times[:, None, None, None]
        label = batch.augmentation if self.network.label_size else None
        told = self._held_back(batch)
        velocity = self.network.velocity(torch.lerp(noise, data, t), times, told, label)
        return {"loss": (velocity.float() - (data - noise)).square().mean()}

    def _held_back(self, batch: Batch) -> dict[str, Tensor]:
        known = batch.conditions or {}
        share, like = self.config.condition_dropout, batch.target[:, 0, 0, 0]
        told = {}
        all_of_them = torch.rand_like(like) < share
        for one in self.network.conditions:
            this_one = torch.rand_like(like) < share
            if one.name in known:
                values = self._blurred(one, known[one.name])
                told[one.name] = values.masked_fill(all_of_them | this_one, torch.nan)
        return told

    def _blurred(self, condition: Condition, values: Tensor) -> Tensor:
        if condition.choices or not self.config.condition_noise:
            return values
        std = self.config.condition_noise * (condition.maximum - condition.minimum)
        return values + std * torch.randn_like(values)
