"""Frozen configurations, and `params.yaml` mistakes told by key, value and what was expected."""

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import ErrorDetails

from mrigen.errors import ConfigError


class Config(BaseModel):
    """Base of every configuration: frozen, and unknown keys are an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


# What pydantic calls by its Python names.
_KINDS = {
    "model": "a block of keys",
    "dict": "a block of keys",
    "tuple": "a list",
    "list": "a list",
}

ConfigT = TypeVar("ConfigT", bound=Config)


def read_yaml(path: Path) -> object:
    """Read a YAML file with plain values only.

    Raises
    ------
    ConfigError
        If the file is missing or is not YAML.
    """
    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError(
            f"'{path}' does not exist: run mrigen in a project folder or name one with --project."
        ) from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        problem = " ".join(str(error).split())
        raise ConfigError(f"'{path}' is not readable YAML: {problem}.") from None


def parse_config(config_type: type[ConfigT], values: object, *, source: str) -> ConfigT:
    """Validate plain values as `config_type`.

    Parameters
    ----------
    config_type
        The configuration to build.
    values
        What `read_yaml` or `json.loads` returned.
    source
        Where the values come from, named in the error.

    Raises
    ------
    ConfigError
        Naming the first offending key, its value and what was expected.
    """
    try:
        return config_type.model_validate(values)
    except ValidationError as error:
        raise ConfigError(f"{source}: {describe(error, config_type, values)}") from None


def describe(error: ValidationError, config_type: type[BaseModel], values: object) -> str:
    """Say what is wrong with `values` in one clause per mistake."""
    details = error.errors(include_url=False, include_context=True)
    text = "; ".join(_clause(detail, config_type, values) for detail in details)
    return text if text.endswith("?") else f"{text}."


def _clause(detail: ErrorDetails, config_type: type[BaseModel], values: object) -> str:
    key = _dotted(detail["loc"], values) or "the file"
    if detail["type"] == "extra_forbidden":
        return f"'{key}' is not a known key{_suggestion(detail['loc'], config_type)}"
    if detail["type"] == "missing":
        return f"'{key}' is missing"
    if detail["type"].startswith("union_tag"):
        return _tag_clause(key, detail)
    if detail["loc"] and detail["loc"][-1] == "[key]":
        return (
            f"'{key.removesuffix('.[key]')}' is not a usable name: expected small letters, digits "
            "and underscores, a letter first"
        )
    kind = detail["type"].removesuffix("_type")
    words = _KINDS.get(kind) or detail["msg"].removeprefix("Value error, ")
    return f"'{key}' is {detail['input']!r}: expected {words.removeprefix('Input should be ')}"


def _tag_clause(key: str, detail: ErrorDetails) -> str:
    context = detail.get("ctx", {})
    field = str(context.get("discriminator", "name")).strip("'")
    if "tag" not in context:
        return f"'{key}.{field}' is missing"
    return f"'{key}.{field}' is '{context['tag']}': expected {context['expected_tags']}"


def _dotted(location: tuple[int | str, ...], values: object) -> str:
    """Join a location to a key of the file, without the tags that unions put into it."""
    keys = []
    for place, part in enumerate(location):
        inside = _at(values, part)
        if inside is None and place < len(location) - 1:
            continue  # a tag: the mistake lies deeper, at a key that is there
        values = inside
        keys.append(str(part))
    return ".".join(keys)


def _at(values: object, key: int | str) -> object:
    if isinstance(values, Mapping):
        return values.get(key)
    if isinstance(values, Sequence) and isinstance(key, int) and key < len(values):
        return values[key]
    return None


def _suggestion(location: tuple[int | str, ...], config_type: type[BaseModel]) -> str:
    known: set[str] = set()
    _collect(config_type, known)
    close = get_close_matches(str(location[-1]), sorted(known), n=1, cutoff=0.6)
    return f": did you mean '{close[0]}'?" if close else ": remove it"


def _collect(annotation: Any, known: set[str]) -> None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        for name, field in annotation.model_fields.items():
            known.add(name)
            _collect(field.annotation, known)
    for argument in getattr(annotation, "__args__", ()):
        _collect(argument, known)
