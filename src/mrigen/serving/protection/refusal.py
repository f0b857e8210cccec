"""Refusals before a request has reached its route."""

import asyncio
from collections.abc import Mapping

from starlette.responses import JSONResponse
from starlette.types import Receive, Scope, Send

from mrigen.serving.protection.headers import values_of

DRAIN_SECONDS = 2


async def refuse(
    scope: Scope,
    receive: Receive,
    send: Send,
    status: int,
    detail: str,
    headers: Mapping[str, str] | None = None,
) -> None:
    """Answer a request with one sentence instead of passing it on.

    A connection whose request has a body is closed, since the body is not waited for. Closing at
    once would take the answer from a client that is still sending, so what comes within a moment
    is read and dropped.
    """
    answer = JSONResponse({"detail": detail}, status_code=status, headers=headers)
    if not _has_body(scope):
        await answer(scope, receive, send)
        return
    answer.headers["Connection"] = "close"
    await send(
        {"type": "http.response.start", "status": status, "headers": answer.raw_headers},
    )
    await send({"type": "http.response.body", "body": answer.body, "more_body": True})
    try:
        async with asyncio.timeout(DRAIN_SECONDS):
            while (await receive()).get("more_body", False):
                pass
    except TimeoutError:
        pass
    await send({"type": "http.response.body", "body": b"", "more_body": False})


def _has_body(scope: Scope) -> bool:
    sizes = values_of(scope, b"content-length")
    return sizes not in ([], [b"0"]) or bool(values_of(scope, b"transfer-encoding"))
