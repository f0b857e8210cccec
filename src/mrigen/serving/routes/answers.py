"""What every route may answer, as its description has it; and what no route takes."""

from typing import Annotated, Any
from urllib.parse import quote

from fastapi import HTTPException, Path, Request
from fastapi.routing import APIRoute

from mrigen.errors import shown
from mrigen.serving.schemas import Problem
from mrigen.serving.served import ServedModel

ModelName = Annotated[str, Path(description="of the model")]
Answers = dict[int | str, dict[str, Any]]

_SECONDS = {"description": "seconds to wait", "schema": {"type": "integer", "minimum": 1}}
_RETRY = {"Retry-After": _SECONDS}


def _problem(words: str, headers: dict[str, Any] | None = None) -> dict[str, Any]:
    return {"model": Problem, "description": words} | ({"headers": headers} if headers else {})


# Of every route.
PROBLEMS: Answers = {
    400: _problem("There is not one header Host, or the body cannot be read"),
    421: _problem("The server is not known by the name in the header Host"),
    422: _problem("Something that was asked for is unknown or out of range"),
    500: _problem("A defect of the server, whose log has more"),
    503: _problem("The server is busy, starting or stopping", _RETRY),
}
# Of a route that asks for a key where there are keys.
GUARDED: Answers = PROBLEMS | {
    401: _problem(
        "No key, or not one of the server's",
        {"WWW-Authenticate": {"description": "how to bring one", "schema": {"type": "string"}}},
    ),
    403: _problem("A page of another site sent the request"),
    429: _problem("More requests than the server gives to one client", _RETRY),
}
# Of a route that takes a body, too.
TAKING: Answers = GUARDED | {
    408: _problem("The body did not come in time"),
    413: _problem("The body is too large"),
    415: _problem("The body is of a kind that the route does not take"),
}
NOT_SERVED: Answers = {404: _problem("The model is not served here, or not in this version")}

IMAGE_HEADERS: dict[str, Any] = {
    "Mrigen-Model": {"description": "name of the model", "schema": {"type": "string"}},
    "Mrigen-Version": {
        "description": "of the model",
        "schema": {"type": "integer", "minimum": 1},
    },
    "Mrigen-Digest": {
        "description": "SHA-256 of weights and configuration",
        "schema": {"type": "string"},
    },
    "Mrigen-Device": {"description": "what computed", "schema": {"type": "string"}},
    "Content-Disposition": {
        "description": "proposes a name for the file",
        "schema": {"type": "string"},
    },
}


def image_headers(model: ServedModel, file_name: str) -> dict[str, str]:
    """Return the headers of an answer with images.

    Parameters
    ----------
    model
        Computes them.
    file_name
        Proposed to the client.
    """
    return {
        # What is no ASCII cannot stand in a header.
        "Mrigen-Model": quote(model.name, safe=" "),
        "Mrigen-Version": str(model.version),
        "Mrigen-Digest": model.digest,
        "Mrigen-Device": model.device,
        "Content-Disposition": f'inline; filename="{quote(file_name, safe="")}"',
    }


async def refuse_unknown_parameters(request: Request) -> None:
    """Refuse what stands after the question mark and is not in the route's description."""
    route = request.scope["route"]
    if not request.query_params or not isinstance(route, APIRoute) or not route.include_in_schema:
        return
    described = request.app.openapi()["paths"][route.path][request.method.lower()]
    parameters = described.get("parameters", [])
    known = [one["name"] for one in parameters if one["in"] == "query"]
    for key in request.query_params:
        if key not in known:
            accepted = f"expected {', '.join(known)}" if known else "this route takes none"
            raise HTTPException(422, f"query parameter {shown(key)} is not known: {accepted}.")
