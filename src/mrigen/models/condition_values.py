"""What samples can be asked to show, and whether what is asked for fits."""

import math
from collections.abc import Mapping, Sequence

from mrigen.errors import ConfigError, shown
from mrigen.models.interfaces import Condition


def condition_values(
    conditions: Sequence[Condition], asked: Mapping[str, float | str]
) -> dict[str, float]:
    """Turn what a request asks for into the numbers that a network is told.

    Parameters
    ----------
    conditions
        What the model can be asked for.
    asked
        A number for each condition that is one, a choice by its name for each that has choices.

    Returns
    -------
    The numbers by name, a choice as its place in the list.

    Raises
    ------
    ConfigError
        If a name is unknown, a number out of range, or a choice is none of the condition's.

    Examples
    --------
    >>> sex = Condition("sex", 0, 1, choices=("female", "male"))
    >>> condition_values([sex], {"sex": "male"})
    {'sex': 1.0}
    """
    known = {one.name: one for one in conditions}
    for name in asked:
        if name not in known:
            names = ", ".join(f"'{one}'" for one in known)
            accepted = f"expected {names}" if names else "this model takes none"
            raise ConfigError(f"condition {shown(name)} is not known: {accepted}.")
    return {name: _value(known[name], value) for name, value in asked.items()}


def described(condition: Condition) -> str:
    """Say what can be asked for.

    Examples
    --------
    >>> described(Condition("age", 20, 90, "years"))
    'age from 20 to 90 years'
    >>> described(Condition("sex", 0, 1, choices=("female", "male")))
    'sex female or male'
    """
    if condition.choices:
        return f"{condition.name} {' or '.join(condition.choices)}"
    ends = f"from {condition.minimum:g} to {condition.maximum:g}"
    return f"{condition.name} {ends} {condition.unit}".rstrip()


def _value(condition: Condition, value: float | str) -> float:
    if condition.choices:
        if value in condition.choices:
            return float(condition.choices.index(str(value)))
        accepted = ", ".join(f"'{one}'" for one in condition.choices)
    else:
        inside = not isinstance(value, str) and condition.minimum <= value <= condition.maximum
        if inside and math.isfinite(float(value)):
            return float(value)
        unit = f" {condition.unit}" if condition.unit else ""
        accepted = f"a number from {condition.minimum:g} to {condition.maximum:g}{unit}"
    raise ConfigError(f"condition '{condition.name}' is {shown(value)}: expected {accepted}.")
