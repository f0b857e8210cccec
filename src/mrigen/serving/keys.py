"""Keys that clients show, kept as digests."""

import hmac
import logging
import os
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Protocol

from mrigen.errors import ConfigError

KEY_VARIABLE = "MRIGEN_API_KEY"
SHORTEST_KEY = 16

_KEY = re.compile(r"[A-Za-z0-9._~+/=-]{1,512}")  # what "Authorization: Bearer" can carry
_NAME = re.compile(r"[A-Za-z0-9._-]{1,64}")
_LARGEST_FILE = 2**20

_log = logging.getLogger(__name__)


class Keys(Protocol):
    """Keys by name."""

    @property
    def names(self) -> Sequence[str]:
        """The names, in the order of the keys."""

    def name_of(self, key: bytes) -> str | None:
        """Return the name of a key, or None if there is no such key."""


@dataclass(frozen=True)
class ApiKeys:
    """Keys that stay as they are.

    Attributes
    ----------
    digests
        Names with the SHA-256 of their keys; the keys themselves are kept nowhere.
    """

    digests: Sequence[tuple[str, bytes]] = field(repr=False)

    @property
    def names(self) -> Sequence[str]:
        """The names, in the order of the keys."""
        return [name for name, _ in self.digests]

    def name_of(self, key: bytes) -> str | None:
        """Return the name of a key, or None if there is no such key."""
        digest, found = sha256(key).digest(), None
        # Every key is compared, each in constant time: how long it takes says nothing about how
        # near a guess came.
        for name, known in self.digests:
            if hmac.compare_digest(known, digest):
                found = name
        return found


class KeyFile:
    """Keys of a file, which is read again when it has changed.

    Parameters
    ----------
    path
        Lines of `name key` or a bare key; `#` begins a remark.

    Raises
    ------
    ConfigError
        If the file cannot be read or one of its lines cannot be used.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen = _identity(path)
        self._keys = _read(path)
        if path.stat().st_mode & 0o004:
            _log.warning("Every user of this computer can read the key file '%s'.", path)

    @property
    def names(self) -> Sequence[str]:
        """The names, in the order of the keys."""
        return self._keys.names

    def name_of(self, key: bytes) -> str | None:
        """Return the name of a key, or None if there is no such key."""
        seen = _identity(self._path)
        if seen != self._seen:
            self._seen = seen
            self._read_again()
        return self._keys.name_of(key)

    def _read_again(self) -> None:
        try:
            self._keys = _read(self._path)
        except ConfigError as error:
            _log.warning("%s The keys from before still count.", error)
        else:
            _log.info("The keys have changed; there are: %s.", ", ".join(self.names))


def find_keys(file: Path | None, environment: Mapping[str, str]) -> Keys | None:
    """Return the keys of a file, else the one of the environment, else None.

    Raises
    ------
    ConfigError
        If they cannot be used.
    """
    if file is not None:
        return KeyFile(file)
    if KEY_VARIABLE not in environment:
        return None
    key = environment[KEY_VARIABLE].strip()
    if not key:
        raise ConfigError(
            f"the environment variable {KEY_VARIABLE} is empty: give it a key of at least "
            f"{SHORTEST_KEY} characters, or unset it."
        )
    _check(key, f"the environment variable {KEY_VARIABLE}")
    return ApiKeys([("environment", sha256(key.encode()).digest())])


def _identity(path: Path) -> tuple[int, ...] | None:
    try:
        now = path.stat()
    except OSError:
        return None
    return now.st_mtime_ns, now.st_ctime_ns, now.st_size, now.st_ino


def _read(path: Path) -> ApiKeys:
    try:
        with path.open("rb") as file:
            content = file.read(_LARGEST_FILE + 1)
        text = content.decode("utf-8-sig")
    except OSError as error:
        reason = error.strerror or os.strerror(error.errno or 0)
        raise ConfigError(
            f"cannot read the key file '{path}' ({reason}): name a file with lines of 'name key'."
        ) from None
    except UnicodeDecodeError:
        raise ConfigError(
            f"the key file '{path}' is not text: expected lines of 'name key'."
        ) from None
    if len(content) > _LARGEST_FILE:
        raise ConfigError(f"the key file '{path}' is over 1 MiB: expected lines of 'name key'.")
    entries = [_entry(line, f"line {n} of '{path}'") for n, line in enumerate(text.splitlines(), 1)]
    named = [entry for entry in entries if entry is not None]
    if not named:
        raise ConfigError(f"the key file '{path}' has no key: write lines of 'name key'.")
    # A bare key is called by its place.
    keys = [(name or f"key-{place}", digest) for place, (name, digest) in enumerate(named, 1)]
    _check_unique(keys, path)
    return ApiKeys(keys)


def _entry(line: str, where: str) -> tuple[str, bytes] | None:
    words = line.partition("#")[0].split()
    if not words:
        return None
    # The words may be keys, so that none of them is repeated.
    if len(words) > 2:
        raise ConfigError(f"{where} has {len(words)} words: expected 'name key' or a key.")
    name = words[0] if len(words) == 2 else ""
    if name and not _NAME.fullmatch(name):
        raise ConfigError(
            f"{where} has a name that cannot be used: expected at most 64 letters, digits, "
            "'.', '_' and '-', then the key."
        )
    _check(words[-1], where)
    return name, sha256(words[-1].encode()).digest()


def _check(key: str, where: str) -> None:
    if len(key) < SHORTEST_KEY:
        raise ConfigError(
            f"{where} has a key of {len(key)} characters: expected at least {SHORTEST_KEY}. "
            "Make one with 'openssl rand -hex 32'."
        )
    if not _KEY.fullmatch(key):
        raise ConfigError(
            f"{where} has a key that cannot be sent: expected at most 512 letters, digits and "
            "'.', '_', '~', '+', '/', '=', '-'. Make one with 'openssl rand -hex 32'."
        )


def _check_unique(keys: Sequence[tuple[str, bytes]], path: Path) -> None:
    name, count = Counter(name for name, _ in keys).most_common(1)[0]
    if count > 1:
        raise ConfigError(f"the key file '{path}' has the name '{name}' {count} times: rename one.")
    digest, count = Counter(digest for _, digest in keys).most_common(1)[0]
    if count > 1:
        twice = ", ".join(f"'{name}'" for name, known in keys if known == digest)
        raise ConfigError(f"the key file '{path}' gives {twice} the same key: make another one.")
