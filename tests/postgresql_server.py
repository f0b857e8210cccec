"""A PostgreSQL server of one's own, from Debian's package, for as long as the tests run."""

import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import pytest

USER, PASSWORD = "tester", "s3cret-word"
START_SECONDS = 60

_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "fsync": "off",
    "full_page_writes": "off",
    "shared_buffers": "16MB",
}


def why_missing() -> str | None:
    """Why there can be no server here; None if there can."""
    try:
        import psycopg  # noqa: F401 - whether it is there
    except ImportError:
        return "psycopg is not installed (pip install 'mrigen[postgresql]')"
    if _programs() is None:
        return "PostgreSQL's server is not installed (apt-get install postgresql)"
    return None


def sentence_told(root: Path, address: str, **options: object) -> str:
    """What a user reads who opens a storage in vain; it shows no password."""
    from mrigen.errors import TuningError
    from mrigen.tuning.storage import open_storage

    with pytest.raises(TuningError) as caught:
        open_storage(root, address, **options)
    assert PASSWORD not in f"{caught.value}{caught.value.__cause__}"
    assert "\n" not in str(caught.value)
    return str(caught.value)


def cut_off_error() -> Exception:
    """What SQLAlchemy raises when the connection was lost in the midst of something."""
    import psycopg
    import sqlalchemy.exc

    error = sqlalchemy.exc.OperationalError("COMMIT", {}, psycopg.OperationalError("gone"))
    error.connection_invalidated = True
    return error


@contextmanager
def running_server() -> Iterator["Server"]:
    """A server on a free port of this host that ends with the block."""
    # Not in pytest's folder: PostgreSQL does not run as root, and nobody else may enter that.
    with tempfile.TemporaryDirectory(prefix="mrigen-postgresql-") as name:
        server = Server(Path(name))
        server.start()
        try:
            yield server
        finally:
            server.stop(signal.SIGQUIT)


class Server:
    """A PostgreSQL server in a new folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._programs = _programs()
        self._process: subprocess.Popen[bytes] | None = None
        self._as_whom = {}
        if os.geteuid() == 0:
            shutil.chown(folder, "postgres", "postgres")
            self._as_whom = {"user": "postgres", "group": "postgres", "extra_groups": []}
        self.port = _free_port()
        self._make()

    def address(self, database: str = "postgres", password: str = PASSWORD) -> str:
        """As `--storage` takes it."""
        return f"postgresql://{USER}:{password}@127.0.0.1:{self.port}/{database}"

    def new_schema(self) -> "Schema":
        """Make a place without tables: a database of its own would be 300 files."""
        name = f"studies_{secrets.token_hex(4)}"
        self.execute(f"CREATE SCHEMA {name}")
        return Schema(self, name)

    def execute(self, statement: str) -> list[tuple]:
        """Rows of a statement."""
        import psycopg

        with psycopg.connect(self.address(), autocommit=True) as connection:
            cursor = connection.execute(statement)
            return cursor.fetchall() if cursor.description else []

    def start(self) -> None:
        """Start it, and wait until it answers."""
        settings = [f"--{name}={value}" for name, value in _SETTINGS.items()]
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [self._programs / "postgres", "-D", "data", "-p", str(self.port), *settings],
                cwd=self._folder,
                stderr=log,
                **self._as_whom,
            )
        self._wait()

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """Cut every connection and end it, as a restart does; by SIGQUIT it tidies nothing up."""
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(START_SECONDS)
            self._process = None

    def restart_soon(self, seconds: float = 1.0) -> threading.Timer:
        """Stop it; it comes back by itself, at the latest when the timer is joined."""
        self.stop()
        timer = threading.Timer(seconds, self.start)
        timer.start()
        return timer

    def _make(self) -> None:
        password = self._folder / "password"
        password.write_text(PASSWORD)
        arguments = ["-D", "data", "-A", "scram-sha-256", "-U", USER, "--pwfile=password"]
        subprocess.run(
            [self._programs / "initdb", *arguments, "--no-sync", "-E", "UTF8", "--locale=C"],
            cwd=self._folder,
            check=True,
            capture_output=True,
            **self._as_whom,
        )

    def _wait(self) -> None:
        import psycopg

        end = time.monotonic() + START_SECONDS
        while True:
            try:
                psycopg.connect(self.address()).close()
                return
            except psycopg.OperationalError as error:
                if self._process.poll() is not None or time.monotonic() > end:
                    log = (self._folder / "log").read_text()
                    raise RuntimeError(f"PostgreSQL does not answer:\n{log}") from error
            time.sleep(0.02)


@dataclass(frozen=True)
class Schema:
    """A part of the database in which tables with names of their own can be made."""

    server: Server
    name: str

    def address(self, user: str = USER, options: str = "") -> str:
        """As `--storage` takes it; `options` are settings such as ` -c timezone=UTC`."""
        place = f"{user}:{PASSWORD}@127.0.0.1:{self.server.port}/postgres"
        return f"postgresql://{place}?options={quote(f'-c search_path={self.name}{options}')}"

    def add_user(self, *rights: str) -> str:
        """Make a user with such rights on the schema; return the user's name."""
        user = f"guest_{secrets.token_hex(4)}"
        self.server.execute(f"CREATE ROLE {user} LOGIN PASSWORD '{PASSWORD}'")
        for right in rights:
            self.server.execute(f"GRANT {right} SCHEMA {self.name} TO {user}")
        return user


def _programs() -> Path | None:
    """Folder of the newest server."""
    found = sorted(
        Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3])
    )
    return found[-1].parent if found else None


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]
