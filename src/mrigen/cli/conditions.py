"""Options for what generated images show, together as the conditions that a network is told."""

from collections.abc import Callable, Collection, Mapping
from functools import wraps
from typing import Any

import click

from mrigen.errors import ConfigError

Value = float | str

_SEXES = {"female": "female", "male": "male", "f": "female", "m": "male"}


def _read(_: click.Context, __: click.Parameter, texts: tuple[str, ...]) -> dict[str, Value]:
    found: dict[str, Value] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not (name and equals and value) or name in found:
            raise click.BadParameter(f"'{text}': expected NAME=VALUE, and no name twice.")
        found[name] = value if name == "modality" else _number_or_text(value)
    return found


def _number_or_text(value: str) -> Value:
    try:
        return float(value)
    except ValueError:
        return value


# Conditions that are asked for so often that they have options of their own.
_NAMED = {
    "age": click.option("--age", type=float, metavar="YEARS", help="Of the subject."),
    "sex": click.option(
        "--sex",
        type=click.Choice(list(_SEXES), case_sensitive=False),
        help="Of the subject.",
    ),
    "position_mm": click.option(
        "--position-mm", type=float, metavar="MM", help="Of the slice along its axis."
    ),
    "modality": click.option("--modality", metavar="NAME", help="Such as T1w."),
}
_OTHERS = click.option(
    "--condition",
    "others",
    multiple=True,
    metavar="NAME=VALUE",
    callback=_read,
    help="Whatever else the model can be asked for; repeatable.",
)


def condition_options(
    command: Callable[..., Any], *, without: Collection[str] = ()
) -> Callable[..., Any]:
    """Give a command the options of conditions.

    Parameters
    ----------
    command
        Takes `conditions`: what was asked for, numbers and names of choices by name.
    without
        Names, such as "position_mm", that have no option of their own there.
    """
    names = [name for name in _NAMED if name not in without]

    @wraps(command)
    def told(*args: Any, **words: Any) -> Any:
        named = {name: words.pop(name) for name in names}
        words["conditions"] = _together(named, words.pop("others"))
        return command(*args, **words)

    for option in (_OTHERS, *(_NAMED[name] for name in reversed(names))):
        told = option(told)
    return told


def _together(named: Mapping[str, Value | None], others: Mapping[str, Value]) -> dict[str, Value]:
    asked = {name: value for name, value in named.items() if value is not None}
    for name in asked:
        if name in others:
            raise ConfigError(
                f"--{name.replace('_', '-')} and --condition {name}={others[name]} both tell "
                f"'{name}': expected one of them. Leave the other out."
            )
    asked |= others
    if "sex" in asked:
        asked["sex"] = _SEXES.get(str(asked["sex"]).lower(), asked["sex"])
    return asked
