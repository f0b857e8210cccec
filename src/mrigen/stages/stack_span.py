"""Which positions the slices of a stack have."""

import math
from typing import NamedTuple

from mrigen.data.slicing.stack_geometry import StackGeometry
from mrigen.errors import ConfigError
from mrigen.evaluation.stacks.drawing import POSITION
from mrigen.models.condition_values import condition_values
from mrigen.serving.served import ServedModel

#: The most slices of a stack.
MAX_SLICES = 512

# A step that ends on the last position but for its last bits reaches it.
_SLACK = 1e-6


class Span(NamedTuple):
    """Which positions a stack covers, in millimetres; None stands for those of the training.

    Attributes
    ----------
    from_mm
        Of the first slice.
    to_mm
        Of the last slice, or a bit beyond it.
    step_mm
        Between neighbours.
    """

    from_mm: float | None = None
    to_mm: float | None = None
    step_mm: float | None = None


def positions_of(span: Span, model: ServedModel, geometry: StackGeometry) -> list[float]:
    """Return the positions of the slices, in millimetres from the first to the last.

    Raises
    ------
    ConfigError
        If one is outside of what the model can be asked for, the span does not rise, or there are
        more than `MAX_SLICES`.
    """
    (condition,) = (one for one in model.conditions if one.name == POSITION)
    low, high = geometry.position_mm
    first = max(low, condition.minimum) if span.from_mm is None else span.from_mm
    last = min(high, condition.maximum) if span.to_mm is None else span.to_mm
    step = geometry.spacing_mm if span.step_mm is None else span.step_mm
    for end in (first, last):
        condition_values([condition], {POSITION: end})
    if not (math.isfinite(step) and step > 0):
        raise ConfigError(
            f"the step is {step:g} mm: expected more than 0. Leave it out for the usual one."
        )
    if first > last:
        raise ConfigError(
            f"the stack begins at {first:g} mm and ends at {last:g} mm: expected it to rise. "
            "Exchange its ends."
        )
    steps = (last - first) / step + _SLACK
    if steps >= MAX_SLICES:
        raise ConfigError(
            f"{first:g} to {last:g} mm in steps of {step:g} mm are more than {MAX_SLICES} slices: "
            "expected fewer. Take a longer step."
        )
    return [min(first + number * step, last) for number in range(int(steps) + 1)]
