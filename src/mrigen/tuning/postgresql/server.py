"""Connections to a PostgreSQL server that may be away for a moment."""

import logging
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mrigen.errors import TuningError

if TYPE_CHECKING:
    import psycopg

#: For how long a server that does not answer is tried again, once the storage is open: a restart
#: takes seconds, and a trial hours.
PATIENCE_SECONDS = 300.0

_logger = logging.getLogger(__name__)

_patience = ContextVar("patience", default=PATIENCE_SECONDS)

_FIRST_PAUSE, _LONGEST_PAUSE = 0.25, 10.0

# A host that vanishes without a word is noticed by both sides within half a minute.
DEFAULTS = {
    "application_name": "mrigen tune",
    "connect_timeout": "5",
    "keepalives_idle": "10",
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "tcp_user_timeout": "30000",
}
# Heartbeats are stored without a time zone, so that one for all is needed, without a daylight
# saving time that would make every heartbeat an hour old.
_SESSION = (
    "SET timezone TO 'UTC'; SET tcp_keepalives_idle TO 10; SET tcp_keepalives_interval TO 5; "
    "SET tcp_keepalives_count TO 3"
)

_NOT_UNDERSTOOD = (
    "the address of the PostgreSQL server cannot be understood: expected "
    "'postgresql://user:password@host:port/database', with %40, %3A and %2F for '@', ':' and '/' "
    "in user and password."
)


@dataclass(frozen=True)
class PostgresServer:
    """A database on a PostgreSQL server.

    Attributes
    ----------
    address
        For people: without user, password and options.
    parameters
        As libpq takes them.
    """

    address: str
    parameters: dict[str, str] = field(repr=False)

    @property
    def database(self) -> str:
        """Name of the database; libpq takes the user's where none is named."""
        return self.parameters.get("dbname") or self.parameters.get("user") or "postgres"

    def connect(self) -> "psycopg.Connection":
        """Open a connection, with patience once the storage is open.

        Connecting again is always safe: nothing was sent yet.

        Raises
        ------
        TuningError
            If the server refuses or does not answer.
        """
        import psycopg

        begun, pause = time.monotonic(), _FIRST_PAUSE
        while True:
            try:
                return self._connect()
            except psycopg.Error as error:
                waited = time.monotonic() - begun
                if waited + pause > _patience.get():
                    raise TuningError(self.sentence(error)) from None
                if pause == _FIRST_PAUSE:
                    _logger.warning("waiting for %s (%s)", self.address, reason(error))
            time.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)

    def _connect(self) -> "psycopg.Connection":
        import psycopg

        words = {**DEFAULTS, **self.parameters}
        connection = psycopg.connect(**words)  # type: ignore[arg-type] # libpq's, all of them text
        try:
            connection.execute(_SESSION)
            connection.commit()
        except BaseException:
            connection.close()
            raise
        return connection

    def sentence(self, error: BaseException) -> str:
        """Return what a user is told of an error of the server."""
        text = reason(error)
        return f"the study storage {self.address} cannot be used ({text}): {self._advice(text)}."

    def _advice(self, text: str) -> str:
        if re.search("password|authentication|pg_hba", text):
            return "correct user and password in MRIGEN_TUNING_STORAGE or --storage"
        if re.search("database .* does not exist", text):
            return f"make it with 'createdb {self.database}' on the server, or name another one"
        if "permission denied" in text:
            return "let its owner GRANT that, or name a database that belongs to this user"
        if re.search("refused|timeout|resolve|reach|route|No such file|closed|terminat", text):
            return "see to it that the server runs and that host, port and database are right"
        return "name another database, such as an empty one"


def postgres_server(address: str) -> PostgresServer:
    """Return the server of an address such as `postgresql://user:password@host:port/database`.

    Raises
    ------
    TuningError
        If psycopg is not installed, or the address cannot be understood; no part of it is
        repeated then, since any may be one of the password.
    """
    try:
        import psycopg
        from psycopg.conninfo import conninfo_to_dict
    except ImportError:
        raise TuningError(
            "a study storage on PostgreSQL needs the Python package 'psycopg', which is not "
            "installed: run \"pip install 'mrigen[postgresql]'\"."
        ) from None
    _, mark, rest = address.partition("://")
    try:
        found = conninfo_to_dict("postgresql://" + rest)
    except psycopg.ProgrammingError:
        raise TuningError(_NOT_UNDERSTOOD) from None
    parameters = {name: str(value) for name, value in found.items() if value is not None}
    host, port = parameters.get("host", ""), parameters.get("port", "")
    database = parameters.get("dbname", "")
    # An '@', ':' or '/' of the password that was not escaped ends up in one of these.
    if not mark or "@" in host + database or not re.fullmatch(r"[0-9,]*", port):
        raise TuningError(_NOT_UNDERSTOOD)
    place = f"[{host}]" if ":" in host else host
    place += f":{port}" if port else ""
    return PostgresServer(f"postgresql://{place}/{database}", parameters)


@contextmanager
def impatient() -> Iterator[None]:
    """Report a server that does not answer within seconds, in this block and this thread."""
    token = _patience.set(0.0)
    try:
        yield
    finally:
        _patience.reset(token)


def reason(error: BaseException) -> str:
    """Return the one clause that matters in an error of PostgreSQL."""
    text = str(getattr(error, "orig", error)).strip()  # without SQLAlchemy's words around it
    for pattern in (r"(?:FATAL|ERROR):\s*(.+)", r".*failed: (.+)"):
        if found := re.findall(pattern, text):
            return str(found[-1]).strip().rstrip(".")
    return (text.splitlines() or [type(error).__name__])[0].strip().rstrip(".")
