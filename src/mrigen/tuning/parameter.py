"""One searched parameter: drawing it, and whether a value is in its range."""

import json
import math
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from mrigen.tuning.config import ParameterConfig, Value, is_multiple

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution
    from optuna.trial import BaseTrial

_SHOWN_LETTERS = 80
_DIGITS = 4  # of a drawn number, so that it can be read, written into params.yaml, and read again


def ends(parameter: ParameterConfig) -> tuple[Value, ...]:
    """Return both bounds, or every choice."""
    return parameter.choice or parameter.bounds


def draw(parameter: ParameterConfig, path: str, trial: "BaseTrial") -> Value:
    """Draw a value, or take the one that a trial has already."""
    if parameter.choice is not None:
        drawn: Value = trial.suggest_categorical(path, parameter.choice)
        return drawn
    if parameter.integer is not None:
        low, high = parameter.integer
        return trial.suggest_int(path, low, high, step=int(parameter.step or 1), log=parameter.log)
    lowest, highest = parameter.bounds
    return trial.suggest_float(path, lowest, highest, step=parameter.step, log=parameter.log)


def distribution(parameter: ParameterConfig) -> "BaseDistribution":
    """Return what Optuna draws from."""
    # Optuna takes a while to import, and every command reads search blocks.
    from optuna import distributions

    if parameter.choice is not None:
        return distributions.CategoricalDistribution(parameter.choice)
    if parameter.integer is not None:
        low, high = parameter.integer
        return distributions.IntDistribution(low, high, parameter.log, int(parameter.step or 1))
    lowest, highest = parameter.bounds
    return distributions.FloatDistribution(lowest, highest, parameter.log, parameter.step)


def shortened(parameter: ParameterConfig, value: Value) -> Value:
    """Round a drawn number to what people would write, inside its range."""
    if parameter.real is None or not isinstance(value, float):
        return value
    low, high = parameter.real
    if parameter.step is not None:
        steps = round((value - low) / parameter.step)
        return float(Decimal(str(low)) + steps * Decimal(str(parameter.step)))
    spread = min(high - low, abs(value)) if parameter.log else high - low
    places = _DIGITS - 1 - math.floor(math.log10(spread))
    return min(max(round(value, places), low), high)


def contains(parameter: ParameterConfig, value: object) -> bool:
    """Whether a value of a section is one that can be drawn."""
    if parameter.choice is not None:
        return any(same(value, choice) for choice in parameter.choice)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    low, high = parameter.bounds
    if not low <= value <= high:
        return False
    return parameter.step is None or is_multiple(value - low, parameter.step)


def as_written(parameter: ParameterConfig, value: Any) -> Value:
    """Return the choice that a value equals: a section may say 1.0 where the search says 1."""
    if parameter.choice is not None:
        return next(choice for choice in parameter.choice if same(value, choice))
    found: Value = value
    return found


def described(parameter: ParameterConfig) -> str:
    """Say what can be drawn."""
    if parameter.choice is not None:
        return "the choices " + ", ".join(map(shown, parameter.choice))
    low, high = parameter.bounds
    steps = "" if parameter.step is None else f" in steps of {parameter.step:g}"
    return f"[{low:g}, {high:g}]{steps}"


def same(first: object, second: object) -> bool:
    """Whether two values are equal; true is not 1 here, as it is in Python."""
    return first == second and isinstance(first, bool) == isinstance(second, bool)


def shown(value: object) -> str:
    """Write a value as `params.yaml` would, text in quotes and cut."""
    return f"'{str(value)[:_SHOWN_LETTERS]}'" if isinstance(value, str) else json.dumps(value)
