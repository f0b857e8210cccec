"""Questions over HTTP: asked again where that helps, refused as one sentence."""

import json
import logging
import os
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from mrigen.client.address import checked_address, checked_key
from mrigen.client.exchange import PIECE_BYTES, Answer, Question
from mrigen.client.patience import Patience, retry_after_s
from mrigen.errors import ClientError, printable

if TYPE_CHECKING:
    import httpx

CONNECT_SECONDS = 5.0
READ_SECONDS = 300.0  # without a byte; a chunk of a large network on a slow processor
MOST_JSON_BYTES = 2**24

_SENTENCE = 600  # characters of a refusal that are shown
_ASK_AGAIN = {429, 503}

_log = logging.getLogger(__name__)

T = TypeVar("T")


class Connection:
    """A server, reached when it is first asked.

    Parameters
    ----------
    address
        Such as "http://127.0.0.1:8000".
    api_key
        What the server asks for, if it does.
    patience_s
        How long to ask again after a first refusal for want of room, or a lost connection.
    """

    def __init__(self, address: str, api_key: str | None, *, patience_s: float) -> None:
        self.address = checked_address(address)
        self._key = checked_key(api_key)
        self._patience_s = patience_s
        self._http: httpx.Client | None = None
        self._answered = False

    def close(self) -> None:
        """Close what is open; the next question opens it again."""
        if self._http is not None:
            self._http.close()
            self._http = None

    def ask(self, question: Question, receive: Callable[[Answer], T]) -> T:
        """Ask until the server answers with status 200, and return what `receive` makes of it.

        Parameters
        ----------
        question
            A pure one: it may be asked more than once.
        receive
            Reads the answer; it is called anew if the connection is lost in the middle.

        Raises
        ------
        ClientError
            With the server's own sentence if it refuses, or why it cannot be reached.
        """
        patience = Patience(self._patience_s)
        while True:
            try:
                return self._attempt(question, receive)
            except _NotNowError as reason:
                wait_s = patience.next_wait_s(reason.seconds) if reason.again else None
                if wait_s is None:
                    raise reason.error from None
                _log.info("%s Asking again in %.1f s.", reason.error, wait_s)
                time.sleep(wait_s)

    def ask_json(self, path: str) -> Any:
        """Ask for a document."""

        def read(answer: Answer) -> Any:
            try:
                return json.loads(b"".join(answer.pieces(MOST_JSON_BYTES)))
            except (ValueError, RecursionError):
                raise ClientError(
                    f"{self.address}{path} did not answer with JSON: expected a server of "
                    "mrigen. Correct the address."
                ) from None

        return self.ask(Question(path), read)

    def _attempt(self, question: Question, receive: Callable[[Answer], T]) -> T:
        import httpx

        try:
            with self._open(question) as response:
                self._answered = True
                if response.status_code != 200:
                    raise self._refusal(response)
                coding = response.headers.get("content-encoding", "identity")
                if coding != "identity":  # nothing else was asked for; it may hide any size
                    raise ClientError(
                        f"{self.address} answered with the content encoding {coding[:40]!a}: "
                        "expected none. Look at the proxy before the server."
                    )
                return receive(Answer(response, self.address))
        except httpx.LocalProtocolError as error:
            raise self._unreachable(error) from None
        except httpx.TransportError as error:
            # A server that was there is waited for; one that never was is told of at once.
            raise _NotNowError(self._unreachable(error), None, again=self._answered) from None
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise self._unreachable(error) from None

    @contextmanager
    def _open(self, question: Question) -> "Iterator[httpx.Response]":
        with ExitStack() as stack:
            words: dict[str, Any] = {"params": dict(question.query)}
            if question.body is not None:
                body = stack.enter_context(question.body())
                size = body.seek(0, os.SEEK_END)
                body.seek(0)
                headers = {"Content-Type": question.kind, "Content-Length": str(size)}
                words |= {"content": iter(partial(body.read, PIECE_BYTES), b""), "headers": headers}
            method = "GET" if question.body is None else "POST"
            yield stack.enter_context(self._client().stream(method, question.path, **words))

    def _client(self) -> "httpx.Client":
        import httpx

        if self._http is None:
            headers = {"Accept-Encoding": "identity", "User-Agent": "mrigen"}
            if self._key:
                headers["Authorization"] = f"Bearer {self._key}"
            self._http = httpx.Client(
                base_url=self.address,
                headers=headers,
                timeout=httpx.Timeout(READ_SECONDS, connect=CONNECT_SECONDS),
                follow_redirects=False,  # the key is for this server alone
            )
        return self._http

    def _refusal(self, response: "httpx.Response") -> "ClientError | _NotNowError":
        status = response.status_code
        detail = _detail(response)
        if 300 <= status < 400:
            detail = "it sends on to another address, which is not followed: name that address."
        elif status == 401:
            said = detail or "it does not take the key."
            detail = f"{said} A key is given as api_key, by --api-key-file or in MRIGEN_API_KEY."
        error = ClientError(
            f"the server {self.address} refused with status {status}: "
            f"{detail or 'it does not say why. Look at its log.'}",
            status,
        )
        if status not in _ASK_AGAIN:
            return error
        return _NotNowError(error, retry_after_s(response.headers.get("retry-after")), again=True)

    def _unreachable(self, error: Exception) -> ClientError:
        reason = printable(str(error))[:200].rstrip(".") or type(error).__name__
        return ClientError(
            f"the server {self.address} cannot be reached, or the connection was lost ({reason}): "
            "see that it runs, or correct the address."
        )


class _NotNowError(Exception):
    """What may be asked again, and the error if it is not."""

    def __init__(self, error: ClientError, seconds: float | None, *, again: bool) -> None:
        super().__init__(str(error))
        self.error, self.seconds, self.again = error, seconds, again


def _detail(response: "httpx.Response") -> str | None:
    """Read the sentence of a refusal."""
    body = bytearray()
    for piece in response.iter_raw(PIECE_BYTES):
        body += piece
        if len(body) > PIECE_BYTES:
            return None
    try:
        detail = json.loads(body)["detail"]
    except (ValueError, LookupError, TypeError, RecursionError):
        return None
    return printable(detail)[:_SENTENCE] if isinstance(detail, str) else None
