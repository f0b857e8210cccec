"""One process at a time among all that use a PostgreSQL database."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from mrigen.errors import ConnectionLostError, TuningError
from mrigen.tuning.hanging import locked_too_long
from mrigen.tuning.postgresql.server import PostgresServer, reason

if TYPE_CHECKING:
    import psycopg

#: After so long a process that waits for others takes them for hanging.
LOCK_SECONDS = 300

# The same for all versions: it is part of the protocol between hosts.
_KEY = int.from_bytes(b"mrigen", "big")


class _Held(threading.local):
    """Connections of a thread that hold the lock, by address: it may take it again."""

    def __init__(self) -> None:
        self.connections: dict[str, psycopg.Connection] = {}


_held = _Held()


@contextmanager
def database_lock(server: PostgresServer) -> Iterator[None]:
    """Let one process at a time into the block; the server ends the lock of a killed one.

    Raises
    ------
    TuningError
        If another process kept it for minutes.
    """
    if server.address in _held.connections:
        yield
        return
    connection = _held.connections[server.address] = _locked(server)
    try:
        yield
    finally:
        del _held.connections[server.address]
        _unlock(connection)


def check_lock(server: PostgresServer) -> None:
    """See to it that a lock which this thread holds is held still.

    It ends with its connection, when the server starts again for one.

    Raises
    ------
    ConnectionLostError
        If it is not: others may be in the block by now.
    """
    import psycopg

    connection = _held.connections.get(server.address)
    if connection is None:
        return
    try:
        connection.execute("SELECT 1")
    except psycopg.Error as error:
        raise ConnectionLostError(
            f"the lock of the study storage {server.address} was lost ({reason(error)}): run the "
            "same command again when the server is back."
        ) from None


def _locked(server: PostgresServer) -> "psycopg.Connection":
    import psycopg

    while True:
        connection = server.connect()
        try:
            connection.autocommit = True
            connection.execute(f"SET lock_timeout TO '{LOCK_SECONDS}s'")
            connection.execute("SELECT pg_advisory_lock(%s)", [_KEY])
            return connection
        except psycopg.errors.LockNotAvailable:
            connection.close()
            raise locked_too_long(server.address, LOCK_SECONDS) from None
        except psycopg.OperationalError as error:
            lost = connection.closed
            connection.close()
            if not lost:
                raise TuningError(server.sentence(error)) from None
            # The server starts again: wait anew.
        except BaseException:
            connection.close()
            raise


def _unlock(connection: "psycopg.Connection") -> None:
    import psycopg

    with suppress(psycopg.Error):  # a lost connection has given the lock back already
        connection.execute("SELECT pg_advisory_unlock(%s)", [_KEY])
    connection.close()
