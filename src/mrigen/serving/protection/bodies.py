"""How large a request may be, and how slow."""

import asyncio
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mrigen.serving.protection.headers import values_of
from mrigen.serving.protection.refusal import refuse

MAX_BODY_BYTES = 64 * 1024  # a request for samples is some hundred bytes
BODY_SECONDS = 10  # for a small body; a large one gets a second more ...
PACE_BYTES = 64 * 1024  # ... for each of these ...
SPARE_SECONDS = 30  # ... and never more than these for what comes next
HELD_UPLOADS = 4  # of the largest size, in memory at once
RETRY_SECONDS = 5

_UPLOAD = re.compile(r"/v1/models/[^/]+/(restore|anomaly)")


class _Refused(Exception):  # noqa: N818 - the client's mistake
    def __init__(self, status: int, detail: str, **headers: str) -> None:
        super().__init__(detail)
        self.status, self.detail = status, detail
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}


class BodyLimit:
    """Read bodies, and refuse those that are too large, too slow or packed.

    All uploads together are held to a few times the largest one, so that many clients cannot fill
    the memory; who comes on top is asked to come back.

    Parameters
    ----------
    app
        What is protected.
    upload_bytes
        Most bytes of an upload; other bodies are small.
    """

    def __init__(self, app: ASGIApp, upload_bytes: int) -> None:
        self.app, self._upload_bytes = app, upload_bytes
        self._held = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Read the body up to the limit, then pass it on whole."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        upload = _UPLOAD.fullmatch(scope["path"]) is not None
        most = self._upload_bytes if upload else MAX_BODY_BYTES
        pieces = _until_end(receive)
        with self._share() as take:
            try:
                _check_head(scope, most)
                body = await _read(pieces, most, take if upload else None)
            except _Refused as error:
                # Not the error itself: its traceback would keep the body in memory.
                refused = error.status, error.detail, error.headers
            else:
                if body is not None:
                    await self.app(scope, _once(body, receive), send)
                return
        await refuse(scope, pieces, send, *refused)

    @contextmanager
    def _share(self) -> Iterator[Callable[[int], None]]:
        # What one request takes of the memory for uploads, until it is answered.
        taken = 0

        def take(count: int) -> None:
            nonlocal taken
            taken += count
            self._held += count
            if self._held > HELD_UPLOADS * self._upload_bytes:
                raise _Refused(
                    503,
                    f"too many uploads at once: ask again in {RETRY_SECONDS} s.",
                    Retry_After=str(RETRY_SECONDS),
                )

        try:
            yield take
        finally:
            self._held -= taken


def _check_head(scope: Scope, most: int) -> None:
    packed = [value.strip().lower() for value in values_of(scope, b"content-encoding")]
    if any(value not in {b"", b"identity"} for value in packed):
        raise _Refused(
            415,
            "the body has a Content-Encoding: send it as it is, without that header.",
            Accept_Encoding="identity",
        )
    if values_of(scope, b"transfer-encoding") not in ([], [b"chunked"]):
        raise _Refused(400, "the Transfer-Encoding is not known here: send 'chunked' or a length.")
    for value in values_of(scope, b"content-length"):
        # The web server has checked that it is a number; a very long one is not worth reading.
        if len(value) > 18 or (value.isdigit() and int(value) > most):
            raise _too_large(most)


async def _read(receive: Receive, most: int, take: Callable[[int], None] | None) -> bytes | None:
    """Return the body, or None if the client has gone."""
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_SECONDS) as deadline:
            until, now = deadline.when() or 0.0, asyncio.get_running_loop().time
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    return None
                piece = message.get("body", b"")
                if take is not None:
                    take(len(piece))
                body += piece
                if len(body) > most:
                    raise _too_large(most)
                if not message.get("more_body", False):
                    return bytes(body)
                # Who sends a lot at once cannot keep it here for minutes with the last byte.
                until = min(until + len(piece) / PACE_BYTES, now() + SPARE_SECONDS)
                deadline.reschedule(until)
    except TimeoutError:
        raise _Refused(
            408,
            f"the body did not come within {BODY_SECONDS} s and one more for every "
            f"{PACE_BYTES // 1024} KiB: send the request again.",
        ) from None


def _too_large(most: int) -> _Refused:
    return _Refused(413, f"the body is over {most} bytes: send a smaller one.")


def _until_end(receive: Receive) -> Receive:
    # Whoever asks for more after the last piece is told so, and does not wait.
    last: Message = {"type": "http.request", "body": b"", "more_body": False}
    ended = False

    async def piece() -> Message:
        nonlocal ended
        if ended:
            return last
        message = await receive()
        ended = not message.get("more_body", False)
        return message

    return piece


def _once(body: bytes, receive: Receive) -> Receive:
    whole: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def replay() -> Message:
        return whole.pop() if whole else await receive()

    return replay
