"""Where the MLflow store of a project is, and whether it can be used, before MLflow is asked."""

import http.client
import os
import socket
import sqlite3
import urllib.error
import urllib.request
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from filelock import FileLock

from mrigen.errors import TrackingError

REACH_SECONDS = 4.0
LOCK_SECONDS = 120.0

_PORTS = {"postgresql": 5432, "mysql": 3306, "mssql": 1433}


@dataclass(frozen=True)
class StoreAddress:
    """An MLflow store.

    Attributes
    ----------
    uri
        As MLflow takes it; it may hold a password, so show `str(address)` instead.
    folder
        Where the artifacts of a store without a server go; None for a server, which has its own
        place for them.
    database
        The file of an SQLite store.
    """

    uri: str
    folder: Path | None
    database: Path | None

    def __str__(self) -> str:
        return redact(self.uri)

    def lock(self) -> AbstractContextManager[object]:
        """Return a lock between processes that write to the store; a server needs none."""
        if self.folder is None:
            return nullcontext()
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise TrackingError(
                f"'{self.folder}' cannot hold the MLflow store ({error.strerror}): make it "
                "writable or set MLFLOW_TRACKING_URI to another store."
            ) from None
        # One lock object a path: a thread that holds it may take it again.
        return FileLock(self.folder / "mlflow.lock", timeout=LOCK_SECONDS, is_singleton=True)


def store_address(root: Path) -> StoreAddress:
    """Return the store of `MLFLOW_TRACKING_URI`, or `mlflow.db` in the project folder.

    Raises
    ------
    TrackingError
        If the variable does not hold an address, or that of a store that would not last.
    """
    uri = os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{root.resolve() / 'mlflow.db'}"
    try:
        parts = urlsplit(uri)
        parts.port  # noqa: B018 - reading it checks it
    except ValueError as error:
        # The address itself may hold a password, so it is not repeated.
        raise TrackingError(
            f"MLFLOW_TRACKING_URI is not an address ({error}): expected one such as "
            "'http://host:5000', or unset it to use 'mlflow.db' in the project folder."
        ) from None
    if parts.scheme in {"http", "https"}:
        return StoreAddress(uri, None, None)
    if _in_memory(uri):
        raise TrackingError(
            f"MLFLOW_TRACKING_URI is '{uri}', a store in memory: every run would be lost when the "
            "command ends. Name a file such as 'sqlite:///mlflow.db', or unset it to use "
            "'mlflow.db' in the project folder."
        )
    if uri.startswith("sqlite:///"):
        database = Path(uri.removeprefix("sqlite:///").partition("?")[0]).resolve()
        return StoreAddress(uri, database.parent, database)
    return StoreAddress(uri, root.resolve(), None)


def check_store(address: StoreAddress, *, write: bool) -> None:
    """Refuse a store that MLflow would fail on late, slowly or with a page of text.

    Raises
    ------
    TrackingError
        If a server does not answer within seconds, or a file is not an MLflow database or
        cannot be written.
    """
    if address.database is None:
        _check_reachable(address)
    elif address.database.exists():
        _check_database(address.database, write=write)
    elif not write:
        raise TrackingError(
            f"there is no MLflow store at '{address.database}': train and register a model, or "
            "set MLFLOW_TRACKING_URI to the store that has them."
        )


def redact(uri: str) -> str:
    """Return `uri` without the user, password and query it may carry.

    Examples
    --------
    >>> redact("https://me:secret@host:5000/mlflow?token=1")
    'https://host:5000/mlflow'
    """
    login = urlsplit(uri).netloc.rpartition("@")[0]
    return uri.replace(f"{login}@", "", 1).partition("?")[0] if login else uri.partition("?")[0]


def _in_memory(uri: str) -> bool:
    scheme, _, rest = uri.partition("://")
    path, _, query = rest.partition("?")
    in_memory = path.strip("/") in {"", ":memory:", "file::memory:"} or "mode=memory" in query
    return scheme.partition("+")[0] == "sqlite" and in_memory


def _check_database(path: Path, *, write: bool) -> None:
    mode = "rw" if write else "ro"
    try:
        connection = sqlite3.connect(f"{path.as_uri()}?mode={mode}", uri=True, timeout=20)
        try:
            tables = {row[0] for row in connection.execute("SELECT name FROM sqlite_master")}
            if write:
                connection.execute("BEGIN IMMEDIATE")
                connection.rollback()
        finally:
            connection.close()
    except sqlite3.Error as error:
        raise TrackingError(
            f"'{path}' cannot be used as an MLflow store ({error}): move it away, make it "
            f"{'writable' if write else 'readable'}, or set MLFLOW_TRACKING_URI to another store."
        ) from None
    if tables and "alembic_version" not in tables:
        raise TrackingError(
            f"'{path}' is a database of something else ({len(tables)} tables, none of MLflow's): "
            "move it away or set MLFLOW_TRACKING_URI to another store."
        )


def _check_reachable(address: StoreAddress) -> None:
    parts = urlsplit(address.uri)
    if address.folder is None:
        reason = _health_problem(str(address).rstrip("/") + "/health")
    else:
        port = parts.port or _PORTS.get(parts.scheme.partition("+")[0])
        if not parts.hostname or not port:
            return
        reason = _connection_problem(parts.hostname, port)
    if reason:
        raise TrackingError(
            f"the MLflow server {address} cannot be reached ({reason}): start it, correct "
            "MLFLOW_TRACKING_URI, or unset it to use 'mlflow.db' in the project folder."
        )


def _health_problem(url: str) -> str | None:
    try:
        urllib.request.urlopen(url, timeout=REACH_SECONDS).close()
    except urllib.error.HTTPError as error:
        error.close()
        # A server that refuses an anonymous question is there; logging in is MLflow's business.
        return f"status {error.code}" if error.code >= 500 else None
    except (OSError, ValueError, http.client.HTTPException) as error:
        return str(getattr(error, "reason", error))
    return None


def _connection_problem(host: str, port: int) -> str | None:
    try:
        socket.create_connection((host, port), timeout=REACH_SECONDS).close()
    except OSError as error:
        return str(error)
    return None
