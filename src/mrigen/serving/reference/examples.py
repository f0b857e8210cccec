"""How to ask for an operation, as programs."""

import json
import shlex
from pprint import pformat

from mrigen.serving.reference.operations import Operation

_ADDRESS = "http://127.0.0.1:8000"
_MODEL = "vae"
_UPLOAD, _UPLOAD_KIND = "slice.png", "image/png"


def curl(operation: Operation, *, key: bool) -> str:
    """Return a shell command.

    Parameters
    ----------
    operation
        To ask for.
    key
        Whether the server wants one.
    """
    parts = [f"curl {_address(operation)}"]
    if operation.method != "GET":
        parts[0] = f"curl -X {operation.method} {_address(operation)}"
    if key and operation.guarded:
        parts.append('-H "Authorization: Bearer $MRIGEN_API_KEY"')
    if operation.example is not None:
        parts.append("-H 'Content-Type: application/json'")
        parts.append(f"-d {shlex.quote(json.dumps(operation.example))}")
    elif operation.body_kinds:
        parts.append(f"-H 'Content-Type: {_UPLOAD_KIND}'")
        parts.append(f"--data-binary @{_UPLOAD}")
    if name := _answer_file(operation):
        parts.append(f"-o {name}")
    return " \\\n  ".join(parts)


def python(operation: Operation, *, key: bool) -> str:
    """Return a program that needs nothing but Python.

    Parameters
    ----------
    operation
        To ask for.
    key
        Whether the server wants one.
    """
    imports, headers, arguments = {"from urllib.request import Request, urlopen"}, {}, []
    if operation.example is not None:
        imports.add("import json")
        asked = pformat(operation.example, sort_dicts=False)
        arguments.append(f"data=json.dumps({asked}).encode()")
        headers["Content-Type"] = '"application/json"'
    elif operation.body_kinds:
        imports.add("from pathlib import Path")
        arguments.append(f'data=Path("{_UPLOAD}").read_bytes()')
        headers["Content-Type"] = f'"{_UPLOAD_KIND}"'
    if key and operation.guarded:
        imports.add("import os")
        headers["Authorization"] = "f\"Bearer {os.environ['MRIGEN_API_KEY']}\""
    if headers:
        pairs = ", ".join(f'"{name}": {value}' for name, value in headers.items())
        arguments.append(f"headers={{{pairs}}}")
    lines = "".join(f"    {one},\n" for one in (f'"{_address(operation)}"', *arguments))
    ending = "content = answer.read()"
    if not _answer_file(operation):
        imports.add("import json")
        ending = "print(json.load(answer))"
    if "text/plain" in _answer_kinds(operation):
        imports.discard("import json")
        ending = "print(answer.read().decode())"
    first = "\n".join(sorted(imports, key=lambda line: (line.startswith("from"), line)))
    return (
        f"{first}\n\nrequest = Request(\n{lines})\nwith urlopen(request) as answer:\n    {ending}\n"
    )


def _address(operation: Operation) -> str:
    return _ADDRESS + operation.path.replace("{name}", _MODEL)


def _answer_kinds(operation: Operation) -> tuple[str, ...]:
    return operation.answers[0].kinds


def _answer_file(operation: Operation) -> str:
    kinds = _answer_kinds(operation)
    return "answer.png" if "image/png" in kinds else ""
