"""Where a server is, and the key it asks for."""

import os
from pathlib import Path
from urllib.parse import urlsplit

from mrigen.errors import ClientError

KEY_VARIABLE = "MRIGEN_API_KEY"

_KEY_BYTES = 4096


def checked_address(address: str) -> str:
    """Return an address of a server without a slash at its end.

    Raises
    ------
    ClientError
        If it is none, or holds a password.
    """
    try:
        parts = urlsplit(address)
        parts.port  # noqa: B018 - reading it checks it
    except ValueError:
        parts = urlsplit("")
    if (
        parts.scheme not in {"http", "https"}
        or not parts.hostname
        or parts.username is not None
        or parts.query
        or parts.fragment
        or not address.isprintable()
    ):
        # It may hold a password, so it is not repeated.
        raise ClientError(
            "the server's address is not one: expected 'http://host:port' or 'https://host', "
            "without user, password and query. A key is given as api_key or in MRIGEN_API_KEY."
        )
    return address.rstrip("/")


def checked_key(key: str | None) -> str | None:
    """Return a key that can be sent.

    Raises
    ------
    ClientError
        Without the key in it.
    """
    if key is None or (key.isascii() and key.isprintable() and " " not in key):
        return key
    raise ClientError(
        "the API key holds a space or a letter beyond ASCII: expected the key alone, as the "
        "server's file has it."
    )


def find_key(path: Path | None) -> str | None:
    """Return the key in a file, or that of `MRIGEN_API_KEY`, or None.

    Raises
    ------
    ClientError
        If the file holds anything else; what it holds is not shown.
    """
    if path is None:
        return os.environ.get(KEY_VARIABLE, "").strip() or None
    with path.open("rb") as file:
        content = file.read(_KEY_BYTES)
    try:
        words = content.decode("utf-8-sig").split()
    except UnicodeDecodeError:
        words = []
    if len(words) != 1:
        raise ClientError(f"'{path}' does not hold a key: expected one word and nothing else.")
    return words[0]
