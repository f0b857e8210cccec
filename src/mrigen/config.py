"""Frozen configurations, and `params.yaml` mistakes told by key, value and what was expected."""

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError, model_validator
from pydantic_core import ErrorDetails

from mrigen.errors import ConfigError


class Config(BaseModel):
    """Base of every configuration: frozen; unknown keys, and true for a number, are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _no_truth_for_numbers(cls, values: object) -> object:
        # As text, truth is refused at its key. Strict numbers would refuse 1e-3 too, which YAML
        # reads as text; and a validator of every field may not touch the tags of unions.
        if not isinstance(values, Mapping):
            return values
        return {
            key: _truth_as_text(value) if _is_number(cls, key) else value
            for key, value in values.items()
        }


def _is_number(config_type: type[BaseModel], key: object) -> bool:
    fields = config_type.model_fields
    field = fields.get(str(key)) or next((f for f in fields.values() if f.alias == key), None)
    kinds = _plain_types(field.annotation) if field else set()
    return bool(kinds & {int, float}) and not kinds & {bool, str}


def _truth_as_text(value: object) -> object:
    if isinstance(value, list | tuple):
        return [_truth_as_text(item) for item in value]
    return str(value).lower() if isinstance(value, bool) else value


def _plain_types(annotation: Any) -> set[object]:
    return {annotation}.union(*map(_plain_types, getattr(annotation, "__args__", ())))


# What pydantic calls by its Python names.
_KINDS = {
    "model": "a block of keys",
    "model_attributes": "a block of keys",
    "dict": "a block of keys",
    "tuple": "a list",
    "list": "a list",
    "string_too_short": "a text that is not empty",
}

_SHOWN_LETTERS = 80
_SHOWN_MISTAKES = 10

ConfigT = TypeVar("ConfigT", bound=Config)


class KeysOnceLoader(yaml.SafeLoader):
    """Plain values only, and no key twice in one block: YAML would keep the last and say nothing.

    Blocks are looked at as written, before `<<` merges keys into them that they may replace.
    """

    def compose_mapping_node(self, anchor: dict[Any, yaml.Node]) -> yaml.MappingNode:
        """Compose a block, and look at its keys."""
        block: yaml.MappingNode = super().compose_mapping_node(anchor)
        seen: set[tuple[str, str]] = set()
        for key, _ in block.value:
            name = (key.tag, key.value) if isinstance(key, yaml.ScalarNode) else None
            if name in seen:
                raise yaml.MarkedYAMLError(
                    problem=f"the key '{_shorten(key.value)}' is there twice",
                    problem_mark=key.start_mark,
                )
            if name is not None:
                seen.add(name)
        return block


class PlainLoader(KeysOnceLoader):
    """Besides, no value twice by reference: a few such lines can stand for any amount of memory."""

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        """Compose a value, unless it is a reference to one."""
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError("a reference to another value is not taken here")
        return super().compose_node(parent, index)


# What PyYAML's constructors stumble over: a date that is none, `!!int` before nothing, ...
_YAML_ERRORS = (yaml.YAMLError, ValueError, LookupError, AttributeError, OverflowError)


def read_yaml(path: Path, loader: type[KeysOnceLoader] = KeysOnceLoader) -> object:
    """Read a YAML file with plain values only.

    Parameters
    ----------
    path
        The file.
    loader
        `PlainLoader` for a file that others wrote.

    Raises
    ------
    ConfigError
        If the file is missing, cannot be read or is not YAML, or a block has a key twice.
    """
    try:
        # A subclass of the safe loader: tags of Python objects are errors.
        return yaml.load(path.read_text(encoding="utf-8"), Loader=loader)
    except FileNotFoundError:
        raise ConfigError(
            f"'{path}' does not exist: run mrigen in a project folder or name one with --project."
        ) from None
    except OSError as error:
        raise ConfigError(
            f"'{path}' cannot be read ({error.strerror}): expected a YAML file. "
            "Put one there, or correct its permissions."
        ) from None
    except RecursionError:
        raise ConfigError(
            f"'{path}' is nested too deeply: expected a few levels. Flatten it."
        ) from None
    except _YAML_ERRORS as error:
        problem = " ".join(str(error).replace('in "<unicode string>", ', "in ").split())
        raise ConfigError(f"'{path}' is not readable YAML: {problem}. Correct it.") from None


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
    """Say what is wrong with `values` in one clause per mistake; long lists and values are cut."""
    details = error.errors(include_url=False, include_context=True)
    # A list whose only entry is refused is not too short for its reader.
    parents = {detail["loc"][:end] for detail in details for end in range(len(detail["loc"]))}
    details = [
        detail
        for detail in details
        if detail["type"] != "too_short" or detail["loc"] not in parents
    ]
    clauses = _joined(_clause(detail, config_type, values) for detail in details)
    if len(clauses) > _SHOWN_MISTAKES:
        clauses[_SHOWN_MISTAKES:] = [f"and {len(clauses) - _SHOWN_MISTAKES} more mistakes"]
    text = "; ".join(clauses)
    return text if text.endswith("?") else f"{text}."


def _joined(clauses: Iterable[str]) -> list[str]:
    """Make one clause of those about one value, which may be of several kinds."""
    expected: dict[str, list[str]] = {}
    for clause in clauses:
        mistake, _, words = clause.partition(": expected ")
        expected.setdefault(mistake, []).append(words)
    return [
        f"{mistake}: expected {', or '.join(dict.fromkeys(words))}" if any(words) else mistake
        for mistake, words in expected.items()
    ]


def _clause(detail: ErrorDetails, config_type: type[BaseModel], values: object) -> str:
    key = _dotted(detail["loc"], values, absent=detail["type"] == "missing") or "the file"
    if detail["type"] == "extra_forbidden":
        return f"'{key}' is not a known key{_suggestion(detail['loc'], config_type)}"
    if detail["type"] == "missing":
        return f"'{key}' is missing"
    if detail["type"].startswith("union_tag"):
        return _tag_clause(key, detail)
    if detail["loc"] and detail["loc"][-1] == "[key]":
        return (
            f"'{key}' is not a usable name: expected small letters, digits "
            "and underscores, a letter first"
        )
    kind = detail["type"].removesuffix("_type")
    if kind == "too_short":
        least = detail.get("ctx", {})["min_length"]
        return f"'{key}' has too few entries: expected at least {least}"
    words = _KINDS.get(kind) or detail["msg"].removeprefix("Value error, ")
    shown = _shorten(repr(detail["input"]))
    return f"'{key}' is {shown}: expected {words.removeprefix('Input should be ')}"


def _shorten(text: str) -> str:
    return text if len(text) <= _SHOWN_LETTERS else f"{text[: _SHOWN_LETTERS - 3]}..."


def _tag_clause(key: str, detail: ErrorDetails) -> str:
    context = detail.get("ctx", {})
    field = str(context.get("discriminator", "name")).strip("'")
    if "tag" not in context:
        return f"'{key}.{field}' is missing"
    tag = _shorten(str(context["tag"]))
    return f"'{key}.{field}' is '{tag}': expected {context['expected_tags']}"


def _dotted(location: tuple[int | str, ...], values: object, *, absent: bool) -> str:
    """Join a location to a key of the file, without the tags that unions put into it.

    `absent` says that the last key is not in the file, which is the mistake.
    """
    keys = []
    for place, part in enumerate(location):
        inside = _inside(values)
        if part in inside:
            values = inside[part]
        elif not (absent and place == len(location) - 1):
            continue  # a tag
        keys.append(_shorten(str(part)))
    return ".".join(keys)


def _inside(values: object) -> Mapping[Any, object]:
    if isinstance(values, Mapping):
        return values
    if isinstance(values, list | tuple):
        return dict(enumerate(values))
    return {}


def _suggestion(location: tuple[int | str, ...], config_type: type[BaseModel]) -> str:
    known: set[str] = set()
    _collect(config_type, known, [])
    key = str(location[-1])
    # A key that another block knows is no slip of the pen.
    close = [] if key in known else get_close_matches(key, sorted(known), n=1, cutoff=0.6)
    return f": did you mean '{close[0]}'?" if close else ": remove it"


def _collect(annotation: Any, known: set[str], seen: list[Any]) -> None:
    if annotation in seen:
        return  # a block that may hold blocks of its own kind
    seen.append(annotation)
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        for name, field in annotation.model_fields.items():
            known.add(field.alias or name)
            _collect(field.annotation, known, seen)
    for argument in getattr(annotation, "__args__", ()):
        _collect(argument, known, seen)
