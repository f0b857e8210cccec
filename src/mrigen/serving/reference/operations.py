"""What the description of an API says, in the order and the words of a page."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_REFERENCE = "#/components/schemas/"
_KINDS = {
    "array": "list",
    "boolean": "true or false",
    "integer": "whole number",
    "null": "null",
    "number": "number",
    "object": "object",
    "string": "text",
}


@dataclass(frozen=True)
class Field:
    """Something that is asked for or answered.

    Attributes
    ----------
    name
        Dotted where it lies in another field, `[]` for each of a list.
    kind
        Its type.
    limits
        What it may be; empty for anything of its type.
    default
        Where it is left out; empty where it has to be there, or is an answer.
    required
        Whether it has to be there.
    meaning
        In words.
    """

    name: str
    kind: str
    limits: str
    default: str
    required: bool
    meaning: str


@dataclass(frozen=True)
class Answer:
    """A status with what comes with it."""

    status: str
    meaning: str
    kinds: tuple[str, ...]
    headers: tuple[Field, ...]
    fields: tuple[Field, ...]


@dataclass(frozen=True)
class Operation:
    """A route with one method."""

    method: str
    path: str
    words: str
    guarded: bool
    parameters: tuple[Field, ...]
    body_kinds: tuple[str, ...]
    body: tuple[Field, ...]
    example: Any
    answers: tuple[Answer, ...]

    @property
    def anchor(self) -> str:
        """Name of its place on the page."""
        return "-".join(re.findall(r"\w+", f"{self.method}{self.path}".lower()))


def operations(described: Mapping[str, Any]) -> list[Operation]:
    """Return the operations of an OpenAPI description, in its order."""
    schemas = described["components"]["schemas"]
    return [
        _operation(method, path, operation, schemas)
        for path, methods in described["paths"].items()
        for method, operation in methods.items()
    ]


def _operation(
    method: str, path: str, operation: Mapping[str, Any], schemas: Mapping[str, Any]
) -> Operation:
    contents = operation.get("requestBody", {}).get("content", {})
    body = contents.get("application/json", {}).get("schema")
    schema = _resolved(body, schemas) if body else {}
    return Operation(
        method=method.upper(),
        path=path,
        words=operation.get("description", ""),
        guarded="security" in operation,
        parameters=tuple(
            _field(one["name"], one["schema"], schemas, needed=one.get("required", False))
            for one in operation.get("parameters", [])
        ),
        body_kinds=tuple(contents),
        body=tuple(_fields(schema, schemas, asked=True)),
        example=next(iter(schema.get("examples", [])), None),
        answers=tuple(
            _answer(status, operation["responses"][status], schemas)
            for status in sorted(operation["responses"])
        ),
    )


def _answer(status: str, answer: Mapping[str, Any], schemas: Mapping[str, Any]) -> Answer:
    contents = answer.get("content", {})
    schema = contents.get("application/json", {}).get("schema", {})
    # What every refusal holds is told once.
    told = int(status) < 400
    return Answer(
        status=status,
        meaning=answer.get("description", ""),
        kinds=tuple(contents),
        headers=tuple(
            _field(name, one["schema"] | {"description": one["description"]}, schemas)
            for name, one in answer.get("headers", {}).items()
        ),
        fields=tuple(_fields(_resolved(schema, schemas), schemas)) if told else (),
    )


def _fields(
    schema: Mapping[str, Any], schemas: Mapping[str, Any], *, inside: str = "", asked: bool = False
) -> list[Field]:
    fields = []
    required = schema.get("required", [])
    for name, one in schema.get("properties", {}).items():
        place = f"{inside}{name}"
        fields.append(_field(place, one, schemas, needed=asked and name in required))
        item = _resolved(one.get("items", {}), schemas)
        fields += _fields(item, schemas, inside=f"{place}[].", asked=asked)
    return fields


def _field(
    name: str, schema: Mapping[str, Any], schemas: Mapping[str, Any], *, needed: bool = False
) -> Field:
    kinds = [_resolved(one, schemas) for one in schema.get("anyOf", [schema])]
    given = [one for one in kinds if one.get("type") != "null"]
    default = schema.get("default")
    return Field(
        name=name,
        kind=" or ".join(dict.fromkeys(_kind(one, schemas) for one in given)),
        limits=", ".join(filter(None, map(_limits, given))),
        default="" if default is None else str(default),
        required=needed,
        meaning=schema.get("description", ""),
    )


def _kind(schema: Mapping[str, Any], schemas: Mapping[str, Any]) -> str:
    if schema.get("format") == "binary":
        return "file"
    if "enum" in schema or "const" in schema:
        return "choice"
    kind = _KINDS.get(schema.get("type", ""), "anything")
    if kind == "list" and "items" in schema:
        return f"list of {_kind(_resolved(schema['items'], schemas), schemas)}"
    return kind


def _limits(schema: Mapping[str, Any]) -> str:
    choices: Sequence[Any] = schema.get("enum", [schema["const"]] if "const" in schema else [])
    if choices:
        return ", ".join(map(str, choices))
    words = [
        f"{word} {_whole(schema[key])}"
        for word, key in (
            ("from", "minimum"),
            ("above", "exclusiveMinimum"),
            ("to", "maximum"),
            ("below", "exclusiveMaximum"),
        )
        if key in schema
    ]
    return " ".join(words)


def _whole(number: float) -> float:
    return int(number) if number == int(number) else number


def _resolved(schema: Mapping[str, Any], schemas: Mapping[str, Any]) -> Mapping[str, Any]:
    if "$ref" in schema:
        return dict(schemas[schema["$ref"].removeprefix(_REFERENCE)])
    return schema
