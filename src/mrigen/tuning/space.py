"""The space of a search: what exists together, how it is drawn, and what tells spaces apart."""

import json
from collections.abc import Callable, Mapping, Sequence
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from mrigen.errors import ConfigError
from mrigen.tuning.config import ParameterConfig, SearchConfig, Value
from mrigen.tuning.parameter import (
    as_written,
    contains,
    described,
    distribution,
    draw,
    ends,
    shortened,
    shown,
)
from mrigen.tuning.paths import TRAINED, is_kind, is_there, value_at, with_parameters

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution
    from optuna.trial import BaseTrial

#: Validates a model's section and returns all of it, defaults included.
Parse = Callable[[Mapping[str, Any]], Mapping[str, Any]]


def in_order(search: SearchConfig) -> list[str]:
    """Return the searched paths, each after those that its `when` names.

    Raises
    ------
    ConfigError
        If they wait for one another.
    """
    ordered: list[str] = []
    waiting = list(search.parameters)
    while waiting:
        ready = [path for path in waiting if search.parameters[path].when.keys() <= set(ordered)]
        if not ready:
            listed = " and ".join(f"'{path}'" for path in waiting)
            raise ConfigError(f"the conditions of {listed} go in a circle: remove one.")
        ordered.append(ready[0])
        waiting.remove(ready[0])
    return ordered


def suggest(search: SearchConfig, trial: "BaseTrial", *, rounded: bool = False) -> dict[str, Value]:
    """Draw the parameters that exist under one another's values.

    Parameters
    ----------
    search
        The space.
    trial
        What draws, or has the values already.
    rounded
        Whether to shorten numbers to what people would write.
    """
    params: dict[str, Value] = {}
    for path in in_order(search):
        parameter = search.parameters[path]
        if exists(parameter, params):
            value = draw(parameter, path, trial)
            params[path] = shortened(parameter, value) if rounded else value
    return params


def distributions_of(
    search: SearchConfig, params: Mapping[str, Value]
) -> "dict[str, BaseDistribution]":
    """Return what each of `params` is drawn from."""
    return {path: distribution(search.parameters[path]) for path in params}


def parameters_of(
    section: Mapping[str, Any], search: SearchConfig
) -> tuple[dict[str, Value] | None, str | None]:
    """Return the searched parameters as a section has them, or why they lie outside the space.

    Returns
    -------
    The parameters that exist, and None; or None, and a clause.
    """
    params: dict[str, Value] = {}
    for path in in_order(search):
        parameter = search.parameters[path]
        if not exists(parameter, params):
            continue
        try:
            found = value_at(section, path)
        except LookupError:
            return None, f"'{path}' is not there"
        if not contains(parameter, found):
            return None, f"'{path}' is {shown(found)}, outside {described(parameter)}"
        params[path] = as_written(parameter, found)
    return params, None


def space_hash(
    section: Mapping[str, Any], search: SearchConfig, judged_by: Sequence[str], parse: Parse
) -> str:
    """Return what tells spaces apart: the search, what judges, and all that it leaves fixed.

    The searched values of the section do not count, so that the values a study found can be
    written into it.

    Parameters
    ----------
    section
        The model's, with defaults.
    search
        Its search block.
    judged_by
        Names of what is small in a good trial, and what else their numbers depend on.
    parse
        Validates a section and returns it with defaults.
    """
    fixed = {
        json.dumps(_fixed(parse(with_parameters(section, corner)), search), sort_keys=True)
        for corner in corners(search)
    }
    parts = [search.model_dump(mode="json", by_alias=True), list(judged_by), sorted(fixed)]
    return sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def corners(search: SearchConfig) -> list[dict[str, Value]]:
    """Return parameters in which each bound and each choice comes up at least once.

    The others are at their lower bound or first choice, or at what lets the parameter exist.
    """
    found = [
        corner
        for path, parameter in search.parameters.items()
        for value in ends(parameter)
        if (corner := _corner(search, path, value)) is not None
    ]
    return [corner for place, corner in enumerate(found) if corner not in found[:place]]


def requirements(search: SearchConfig, path: str) -> dict[str, Value] | None:
    """Return values of other parameters under which one exists, None if there are none."""
    allowed: dict[str, tuple[Value, ...]] = {}
    names = [path]
    while names:
        for other, values in search.parameters[names.pop()].conditions.items():
            before = allowed.get(other, values)
            allowed[other] = tuple(value for value in values if value in before)
            names.append(other)
    if not all(allowed.values()):
        return None
    return {other: values[0] for other, values in allowed.items()}


def exists(parameter: ParameterConfig, params: Mapping[str, Value]) -> bool:
    """Whether a parameter exists under the values of those before it."""
    return all(
        path in params and params[path] in values for path, values in parameter.conditions.items()
    )


def _corner(search: SearchConfig, path: str, value: Value) -> dict[str, Value] | None:
    wanted = requirements(search, path)
    if wanted is None:
        return None
    wanted[path] = value
    corner: dict[str, Value] = {}
    for name in in_order(search):
        parameter = search.parameters[name]
        if exists(parameter, corner):
            corner[name] = wanted.get(name, ends(parameter)[0])
    return corner


def _fixed(section: Mapping[str, Any], search: SearchConfig) -> dict[str, Any]:
    """Return what decides the weights, with nothing at the searched places.

    Kinds stay: the corners take each of them once.
    """
    places = [path for path in search.parameters if not is_kind(path) and is_there(section, path)]
    emptied = with_parameters(section, dict.fromkeys(places))
    return {key: emptied[key] for key in TRAINED}
