"""Refusals as one sentence of JSON, without a trace of the server's insides."""

from collections.abc import Sequence
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from mrigen.errors import shown
from mrigen.serving.batcher import Busy
from mrigen.serving.protection.headers import SECURITY_HEADERS
from mrigen.serving.shelf import NotServed

# The framework's own words: there is no such route, and JSON that no parser takes.
_NO_ROUTE = "Not Found"
_NO_JSON = "There was an error parsing the body"


def add_problem_handlers(app: FastAPI) -> None:
    """Answer invalid, untimely and failed requests."""
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _refused)
    app.add_exception_handler(Busy, _busy)
    app.add_exception_handler(NotServed, _not_served)
    app.add_exception_handler(Exception, _failed)


async def _invalid(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    sentences = "; ".join(_sentence(one) for one in error.errors()[:5])
    return JSONResponse({"detail": f"{sentences}."}, status_code=422)


async def _refused(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    detail, headers = error.detail, error.headers
    if detail == _NO_JSON:
        detail = "the body cannot be read: send JSON with fewer levels and shorter numbers."
    elif detail == _NO_ROUTE:
        known = ", ".join(request.app.openapi()["paths"])
        detail = f"there is nothing at {shown(request.url.path)}: ask for {known}."
    elif error.status_code == 405:
        allowed = (headers or {}).get("Allow", "another method")
        path = shown(request.url.path)
        detail = f"{path} does not answer {shown(request.method)[1:-1]}: use {allowed}."
    return JSONResponse({"detail": detail}, status_code=error.status_code, headers=headers)


async def _not_served(_: Request, error: Exception) -> JSONResponse:
    return JSONResponse({"detail": str(error)}, status_code=404)


async def _busy(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, Busy)
    return JSONResponse(
        {"detail": f"the server is busy: ask again in {error.retry_seconds} s."},
        status_code=503,
        headers={"Retry-After": str(error.retry_seconds)},
    )


async def _failed(_: Request, __: Exception) -> JSONResponse:
    # The web server logs the traceback. This answer is made outside the middleware, so it brings
    # the headers itself.
    return JSONResponse(
        {"detail": "the server failed to answer; its log says why."},
        status_code=500,
        headers=SECURITY_HEADERS,
    )


def _sentence(error: dict[str, Any]) -> str:
    key = _key(error["loc"][1:])
    message = str(error["msg"]).removeprefix("Value error, ").removeprefix("Input should be ")
    if error["type"] == "extra_forbidden":
        return f"{key} is not a known field: remove it"
    if error["type"] == "json_invalid" or (not error["loc"][1:] and not _is_object(error)):
        return (
            'the body is not a JSON object: send one such as {"count": 4, "seed": 1} with the '
            "header Content-Type: application/json"
        )
    if not error["loc"][1:]:
        return f"expected {message}"
    return f"{key} is {shown(error['input'])}: expected {message}"


def _is_object(error: dict[str, Any]) -> bool:
    return isinstance(error.get("input"), dict)


def _key(location: Sequence[object]) -> str:
    return shown(".".join(str(part) for part in location))
