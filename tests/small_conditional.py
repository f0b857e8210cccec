"""A small sampler that can be asked for an age, a position and a sex, and for a quick mode."""

import torch
from torch import Tensor, nn

from mrigen.models.interfaces import Condition
from small_bundles import SIZE

CONDITIONS = (
    Condition("age", 20, 90, "years"),
    Condition("position_mm", -40, 60, "mm"),
    Condition("sex", 0, 1, choices=("female", "male")),
)


class SmallConditional(nn.Module):
    """Draws a disc on grey noise.

    The disc grows with the position, its hole with the age; the left or the right half of the
    picture is lit, by sex. What is not known (NaN) is taken to be in the middle. The quick mode
    has the mean of the noise everywhere.
    """

    def __init__(self, size: int = SIZE) -> None:
        super().__init__()
        self.size = size
        self.blend = nn.Conv2d(1, 1, 3, padding=1, bias=False)
        nn.init.constant_(self.blend.weight, 1 / 9)

    @property
    def noise_shape(self) -> tuple[int, ...]:
        return (1, self.size, self.size)

    @property
    def conditions(self) -> tuple[Condition, ...]:
        return CONDITIONS

    def sample(self, noise: Tensor, conditions: dict[str, Tensor] | None = None) -> Tensor:
        told = conditions or {}
        age, position, sex = (
            _share(told.get(one.name), one, noise)[:, None, None, None] for one in CONDITIONS
        )
        axis = torch.linspace(-1, 1, self.size, device=noise.device)
        radius = (axis[:, None] ** 2 + axis**2).sqrt()
        disc = ((radius < 0.5 + 0.5 * position) & (radius > 0.4 * age)).float()
        light = 0.2 * (0.5 + axis * (2 * sex - 1) / 2)
        return (0.6 * disc + light + 0.2 * self.blend(noise).sigmoid()).clamp(0, 1)

    def sample_quickly(self, noise: Tensor, conditions: dict[str, Tensor] | None = None) -> Tensor:
        mean = noise.mean((1, 2, 3), keepdim=True)
        return self.sample(mean.expand_as(noise), conditions)


def _share(values: Tensor | None, condition: Condition, noise: Tensor) -> Tensor:
    """Return values as shares of their range, the middle where nothing is known."""
    if values is None:
        return torch.full((len(noise),), 0.5, device=noise.device)
    span = condition.maximum - condition.minimum
    return ((values - condition.minimum) / span).nan_to_num(nan=0.5)
