"""One request, and the answer to it."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING

from mrigen.errors import ClientError

if TYPE_CHECKING:
    import httpx

PIECE_BYTES = 2**16


@dataclass(frozen=True)
class Question:
    """One request.

    Attributes
    ----------
    path
        On the server.
    body
        Opens what is sent, anew for each attempt; without it the request is a GET.
    kind
        The media type of the body.
    query
        What follows the "?".
    """

    path: str
    body: Callable[[], AbstractContextManager[IO[bytes]]] | None = None
    kind: str = "application/json"
    query: Mapping[str, str] = field(default_factory=dict)


class Answer:
    """An answer with status 200 whose body has not been read yet."""

    def __init__(self, response: "httpx.Response", address: str) -> None:
        self._response, self._address = response, address

    @property
    def length(self) -> int | None:
        """Bytes the server announces."""
        text = self._response.headers.get("content-length", "")
        return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None

    def header(self, name: str, default: str | None = None) -> str:
        """Return a header, or the default.

        Raises
        ------
        ClientError
            If it is missing and there is no default.
        """
        value = self._response.headers.get(name, default)
        if value is None:
            raise ClientError(
                f"the answer of {self._address} has no header '{name}': expected a server of "
                "mrigen. Correct the address."
            )
        return str(value)

    def pieces(self, most: int) -> Iterator[bytes]:
        """Yield the body.

        Raises
        ------
        ClientError
            Before more than `most` bytes have come.
        """
        if (self.length or 0) > most:
            raise self._too_long(most)
        got = 0
        for piece in self._response.iter_raw(PIECE_BYTES):
            got += len(piece)
            if got > most:
                raise self._too_long(most)
            yield piece

    def _too_long(self, most: int) -> ClientError:
        return ClientError(
            f"the answer of {self._address} has more than {most} bytes: expected no more for what "
            "was asked. Look at the server."
        )
