"""Search blocks that cannot be searched, refused in one sentence when `params.yaml` is read."""

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

from mrigen.errors import ConfigError
from mrigen.tuning.config import SearchConfig
from mrigen.tuning.parameter import same, shown
from mrigen.tuning.paths import ROOTS, close_path
from mrigen.tuning.search_refusal import refuse, refuse_parameter
from mrigen.tuning.search_values import check_values
from mrigen.tuning.space import Parse, in_order

# What no search may change, and why.
_FORBIDDEN = {
    "network.name": "another network is another model, with an entry of its own",
    "objective.name": "another objective is another model, with an entry of its own",
    "training.epochs": "pruning compares trials of equal length",
    "training.seed": "a lucky seed is no better setting",
}


def check_search(
    model: str, search: SearchConfig, section: Mapping[str, Any], parse: Parse
) -> None:
    """Refuse a search that names what is not there, or values that the model cannot take.

    Parameters
    ----------
    model
        Its name, for the error.
    search
        The block.
    section
        The model's section with defaults, of which `network`, `objective` and `training` count.
    parse
        Validates such a section and returns it with defaults; raises a `ConfigError`.

    Raises
    ------
    ConfigError
        Naming the key, its value and what was expected.
    """
    _check_pruning(model, search, section["training"]["epochs"])
    for path in search.parameters:
        _check_root(model, path, section)
        _check_conditions(model, search, path)
    try:
        in_order(search)
    except ConfigError as error:
        refuse(model, "parameters", f"cannot be drawn, as {error}")
    check_values(model, search, section, parse)


def _check_pruning(model: str, search: SearchConfig, epochs: int) -> None:
    first = None if search.pruning is None else search.pruning.first_epoch
    if first is not None and first > epochs:
        refuse(
            model,
            "pruning.first_epoch",
            f"is {first}: expected at most {epochs}, the epochs of the model's training.",
        )


def _check_root(model: str, path: str, section: Mapping[str, Any]) -> None:
    if path.partition(".")[0] not in ROOTS:
        advice = close_path(path, section) or (
            "expected a path into 'network', 'objective' or 'training' of the model, such as "
            "'training.learning_rate'."
        )
        refuse_parameter(model, path, f"cannot be searched: {advice}")
    if path in _FORBIDDEN:
        refuse_parameter(
            model, path, f"cannot be searched, as {_FORBIDDEN[path]}: remove the parameter."
        )


def _check_conditions(model: str, search: SearchConfig, path: str) -> None:
    for other, values in search.parameters[path].conditions.items():
        searched = search.parameters.get(other)
        if searched is None:
            others = [name for name in search.parameters if name != path]
            close = get_close_matches(other, others, n=1)
            advice = f"did you mean '{close[0]}'?" if close else "search it, or remove it."
            words = f"names {shown(other)}, which is not searched: {advice}"
            refuse_parameter(model, path, words, "when")
        if searched.choice is None:
            words = f"names '{other}', which is a range: expected a searched 'choice'."
            refuse_parameter(model, path, words, "when")
        choices = searched.choice
        unknown = [value for value in values if not any(same(value, one) for one in choices)]
        if unknown or not values:
            given = shown(unknown[0]) if unknown else "[]"
            listed = ", ".join(map(shown, choices))
            refuse_parameter(model, path, f"is {given}: expected one of {listed}.", f"when.{other}")
