"""Single values as YAML text that people would write."""

import re
from decimal import Decimal

import yaml

from mrigen.errors import ConfigError

Scalar = bool | int | float | str | None

_SMALL, _LARGE = 0.01, 1e6

# Of these words every version of YAML makes the same text. Others may be numbers to one version
# and text to another, such as 1e-3, or truths, such as `off`.
_PLAIN_WORD = re.compile(r"[A-Za-z]\w*([ /-][A-Za-z]\w*)*", re.ASCII)


def scalar_text(value: object, *, like: str = "") -> str:
    """Write a value so that YAML 1.1 and 1.2 both read it back as it is.

    Parameters
    ----------
    value
        What to write.
    like
        Text of the value that it replaces: below one, a number follows its notation.

    Raises
    ------
    ConfigError
        If the value is not finite, or none of these kinds.

    Examples
    --------
    >>> scalar_text(0.0013), scalar_text(0.25), scalar_text(0.025, like="1.0e-3")
    ('1.3e-3', '0.25', '2.5e-2')
    >>> scalar_text("mixture"), scalar_text("1e-3"), scalar_text("off"), scalar_text(None)
    ('mixture', '"1e-3"', '"off"', 'null')
    """
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return _float_text(value, scientific="e" in like.lower())
    if isinstance(value, str):
        return _string_text(value)
    raise ConfigError(
        f"the value {value!r} cannot be written: expected a number, a text, true, false or null."
    )


def _float_text(value: float, *, scientific: bool) -> str:
    number = Decimal(repr(value))  # the fewest digits that read back as this float
    if not number.is_finite():
        raise ConfigError(f"the value {value} cannot be written: expected a finite number.")
    size = abs(value)
    if value and (size < _SMALL or size >= _LARGE or (scientific and size < 1)):
        sign, digits, _ = number.normalize().as_tuple()
        tail = "".join(map(str, digits[1:])) or "0"
        return f"{'-' * sign}{digits[0]}.{tail}e{number.adjusted():+d}"
    text = f"{number:f}"
    return text if "." in text else f"{text}.0"


def _string_text(value: str) -> str:
    # PyYAML's own quoting knows YAML 1.1 alone, so it is asked only about plain words.
    plain = _PLAIN_WORD.fullmatch(value) is not None and value not in {"y", "n", "Y", "N"}
    if plain and yaml.safe_dump(value, width=float("inf")).splitlines()[0] == value:
        return value
    quoted: str = yaml.safe_dump(value, default_style='"', width=float("inf"))
    return quoted.rstrip("\n")
