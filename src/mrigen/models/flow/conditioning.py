"""What a network is told of an image, as one vector."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from mrigen.errors import ModelError
from mrigen.models.interfaces import Condition, Conditions

_TIME_WAVES, _VALUE_WAVES = 32, 16
_FASTEST_TIME = 500.0  # radians per unit of time: the path's last hundredth is told apart
# Of a value scaled to [-1, 1]: from a quarter turn over the whole range to eight turns.
_SLOWEST_VALUE, _FASTEST_VALUE = math.pi / 4, 8 * math.pi


class ConditionEmbedding(nn.Module):
    """Embeds the time on the path, conditions with a flag for each missing one, and a label.

    Parameters
    ----------
    conditions
        What may be told, in the order in which it is read.
    label_size
        Numbers that tell of augmentation.
    size
        Of the embedding.
    """

    time_waves: Tensor
    value_waves: Tensor

    def __init__(self, conditions: Sequence[Condition], *, label_size: int, size: int) -> None:
        super().__init__()
        self.conditions, self.label_size = tuple(conditions), label_size
        time = torch.exp(torch.linspace(0, math.log(_FASTEST_TIME), _TIME_WAVES))
        value = torch.linspace(math.log(_SLOWEST_VALUE), math.log(_FASTEST_VALUE), _VALUE_WAVES)
        self.register_buffer("time_waves", time, persistent=False)
        self.register_buffer("value_waves", value.exp(), persistent=False)
        told = sum(1 + (len(one.choices) or 2 * _VALUE_WAVES) for one in self.conditions)
        self.layers = nn.Sequential(
            nn.Linear(2 * _TIME_WAVES + told + label_size, size),
            nn.SiLU(),
            nn.Linear(size, size),
            nn.SiLU(),
        )

    def forward(self, times: Tensor, conditions: Conditions | None, label: Tensor | None) -> Tensor:
        """Return the embedding, (N, size).

        Parameters
        ----------
        times : (N,) float32 in [0, 1]
        conditions
            (N,) float32 by name; NaN, no entry at all, or a choice that is none of the
            condition's says that nothing is known.
        label : (N, label_size) float32 or None
            None stands for zeros: an image as it is.
        """
        angles = times[:, None] * self.time_waves
        parts = [angles.cos(), angles.sin()]
        told = conditions or {}
        for one in self.conditions:
            values = told.get(one.name)
            parts += self._told(one, times * torch.nan if values is None else values.to(times))
        if self.label_size:
            parts.append(times.new_zeros(len(times), self.label_size) if label is None else label)
        embedded: Tensor = self.layers(torch.cat(parts, dim=1))
        return embedded

    def _told(self, condition: Condition, values: Tensor) -> list[Tensor]:
        if condition.choices:
            places = torch.arange(len(condition.choices), device=values.device)
            chosen = (values[:, None] == places).float()
            return [chosen, 1 - chosen.sum(dim=1, keepdim=True)]
        known = (~values.isnan()).float()[:, None]
        span = condition.maximum - condition.minimum
        scaled = 2 * (values.nan_to_num(nan=condition.minimum) - condition.minimum) / span - 1
        angles = scaled[:, None] * self.value_waves
        return [angles.cos() * known, angles.sin() * known, 1 - known]


def check_asked(known: Sequence[Condition], asked: Conditions) -> None:
    """Refuse values that no image in training can have had.

    Parameters
    ----------
    known
        What a network can be asked for.
    asked
        (N,) float32 by name, NaN where nothing is asked for.

    Raises
    ------
    ModelError
        If a name is unknown, a number out of range, or a choice is none of the condition's.
    """
    by_name = {one.name: one for one in known}
    for name, values in asked.items():
        if name not in by_name:
            names = ", ".join(f"'{one}'" for one in by_name) or "none at all"
            raise ModelError(
                f"condition '{name}' is not known to the network: expected {names}. Leave it out."
            )
        one = by_name[name]
        # As float32, as the values are: an end of the range may lie between two such numbers.
        least, most = values.new_tensor([one.minimum, one.maximum])
        wrong = (values < least) | (values > most)
        if one.choices:
            wrong |= values.isfinite() & (values != values.round())
        if wrong.any():
            expected = f"a number from {one.minimum:g} to {one.maximum:g}"
            if one.choices:
                expected = f"the place of one of {', '.join(one.choices)}, counted from 0,"
            raise ModelError(
                f"condition '{name}' is {values[wrong][0].item():g}: expected {expected} or NaN. "
                "Correct it, or ask for nothing."
            )
