"""Where the values of a parameter stand on an axis: ranges, orders of magnitude, choices."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeGuard

from mrigen.tuning.config import ParameterConfig, SearchConfig, Value
from mrigen.tuning.records import TrialRecord
from mrigen.tuning.wording import short_names

# A range that spans more than this, of a parameter that is no longer searched, is shown by orders.
_ORDERS = 30


@dataclass(frozen=True)
class Scale:
    """The axis of one parameter.

    Attributes
    ----------
    path, label
        Of the parameter, and its short name.
    low, high
        The range of numbers; of a choice, its first and last place.
    log
        Whether orders of magnitude are evenly spaced.
    step
        Between neighbouring values, where only some are searched.
    choices
        The values of a choice, in the order of their places; empty for numbers.
    """

    path: str
    label: str
    low: float
    high: float
    log: bool = False
    step: float | None = None
    choices: tuple[Value, ...] = ()

    def place(self, value: Value) -> float:
        """Return where a value stands: a number at itself, one of a choice at its index."""
        if not self.choices:
            assert isinstance(value, int | float)
            return float(value)
        return float(self.choices.index(value))

    def share(self, value: Value) -> float:
        """Return where a value stands between the two ends, from 0 to 1."""
        low, high, place = self.low, self.high, self.place(value)
        if self.log:
            low, high, place = math.log(low), math.log(high), math.log(place)
        return 0.5 if high == low else (place - low) / (high - low)


def parameter_scales(trials: Sequence[TrialRecord], search: SearchConfig) -> list[Scale]:
    """Return the axes of all parameters that a trial has, in the order of the search block.

    Parameters
    ----------
    trials
        Any.
    search
        The ranges. Values outside of them widen an axis, and parameters that are not there (of an
        older search block) get one from their values.
    """
    found: dict[str, list[Value]] = {}
    for trial in trials:
        for path, value in trial.params.items():
            found.setdefault(path, []).append(value)
    ordered = [path for path in search.parameters if path in found]
    ordered += [path for path in found if path not in search.parameters]
    names = short_names(ordered)
    return [_scale(path, names[path], found[path], search.parameters.get(path)) for path in ordered]


def _scale(path: str, label: str, values: Sequence[Value], config: ParameterConfig | None) -> Scale:
    bounds = (config.real or config.integer) if config else None
    numbers = [value for value in values if _is_number(value)]
    if (config and config.choice) or len(numbers) < len(values):
        choices = tuple(dict.fromkeys([*((config and config.choice) or ()), *values]))
        return Scale(path, label, 0.0, len(choices) - 1.0, choices=choices)
    numbers += bounds or ()
    low, high = float(min(numbers)), float(max(numbers))
    log = config.log if config else low > 0 and high > _ORDERS * low
    return Scale(path, label, low, high, log and low > 0, config.step if config else None)


def _is_number(value: Value) -> TypeGuard[int | float]:
    return isinstance(value, int | float) and not isinstance(value, bool)
