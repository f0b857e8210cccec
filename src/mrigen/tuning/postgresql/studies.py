"""Studies in a PostgreSQL database, shared by the processes of many hosts."""

import logging
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass

import sqlalchemy
from optuna import Study
from optuna.storages import BaseStorage
from optuna.trial import TrialState

from mrigen.errors import ConnectionLostError, TuningError
from mrigen.tuning.postgresql.lock import check_lock, database_lock
from mrigen.tuning.postgresql.server import PostgresServer, impatient, postgres_server
from mrigen.tuning.postgresql.tables import TIMES, StudyTables, repeated
from mrigen.tuning.worker_name import new_worker_name

_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Heartbeat:
    """How a worker shows that it is alive.

    Attributes
    ----------
    seconds
        Between two signs of life.
    grace
        Seconds after the last one from which on others take the worker for dead.
    """

    seconds: int = 10
    grace: int = 60


class PostgresStudies:
    """Studies in a PostgreSQL database.

    Parameters
    ----------
    server
        With the database.
    tables
        Of Optuna, in that database.
    heartbeat
        Of the workers.
    """

    def __init__(self, server: PostgresServer, tables: StudyTables, heartbeat: Heartbeat) -> None:
        self._server = server
        self._tables = tables
        self._heartbeat = heartbeat

    @property
    def address(self) -> str:
        """Server and database, without user and password."""
        return self._server.address

    @property
    def optuna(self) -> BaseStorage:
        """The tables as Optuna takes them."""
        return self._tables

    def exclusive(self) -> AbstractContextManager[None]:
        """Let one process of all hosts at a time into the block."""
        return database_lock(self._server)

    @contextmanager
    def worker(self) -> Iterator[str]:
        """Yield the name of a new worker; its heartbeat is that of its trials."""
        yield new_worker_name()

    @contextmanager
    def beating(self, study: Study, number: int) -> Iterator[None]:
        """Record the heartbeat of a trial while the block runs."""
        trial = self._trial_id(study, number)
        self._tables.record_heartbeat(trial)
        ended = threading.Event()
        thread = threading.Thread(target=self._beat, args=(trial, ended), daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()

    def fail_dead_trials(self, study: Study) -> None:
        """Fail running trials whose heartbeat has stopped."""
        stopped = self._tables.stopped_heartbeats(self._heartbeat.grace)
        for trial in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
            identity = self._trial_id(study, trial.number)
            # A trial without a worker was begun by one that died before it signed: beginning and
            # signing happen inside one `exclusive()`, as does this.
            if "worker" not in trial.user_attrs or stopped.get(identity):
                study.tell(trial.number, state=TrialState.FAIL, skip_if_finished=True)
            elif identity not in stopped:
                # Its worker may have died before the first heartbeat. This is one in its place;
                # a living worker will give the next.
                self._tables.record_heartbeat(identity)

    def _trial_id(self, study: Study, number: int) -> int:
        identity = self._tables.get_study_id_from_name(study.study_name)
        return self._tables.get_trial_id_from_study_id_trial_number(identity, number)

    def _beat(self, trial: int, ended: threading.Event) -> None:
        # Optuna's own thread ends at the first error, and its trial is taken for dead then.
        with impatient():
            while not ended.wait(self._heartbeat.seconds):
                try:
                    self._tables.record_heartbeat(trial)
                except TuningError as error:
                    _logger.debug("a heartbeat was not recorded: %s", error)
        self._tables.remove_session()


def open_postgresql(
    address: str, *, create: bool, wait: bool = False, heartbeat: Heartbeat | None = None
) -> PostgresStudies:
    """Open the studies of a PostgreSQL database.

    Parameters
    ----------
    address
        `postgresql://user:password@host:port/database`, or as libpq knows it otherwise.
    create
        Make Optuna's tables if they are missing.
    wait
        Wait for minutes, not seconds, for a server that does not answer.
    heartbeat
        None takes the usual one.

    Raises
    ------
    TuningError
        If the server does not answer or refuses, or the database cannot be used.
    """
    server = postgres_server(address)
    with nullcontext() if wait else impatient():
        for left in reversed(range(TIMES if wait else 1)):
            try:
                tables = _open_tables(server, create=create)
                return PostgresStudies(server, tables, heartbeat or Heartbeat())
            except ConnectionLostError:
                if not left:
                    raise
    raise AssertionError("unreachable")


def _open_tables(server: PostgresServer, *, create: bool) -> StudyTables:
    if not create:
        _check_tables(server)
    # Processes that start at the same moment would make the same tables.
    with database_lock(server) if create else nullcontext():
        try:
            tables = repeated(server, lambda: StudyTables(server, create=create), 1)
        except RuntimeError as error:  # so Optuna tells of tables of another version
            raise TuningError(
                f"the tables of the study storage {server.address} are of another version of "
                "Optuna: run 'optuna storage upgrade' on them, or name another database."
            ) from error

    def check(*_: object) -> None:
        check_lock(server)

    sqlalchemy.event.listen(tables.engine, "checkout", check)
    return tables


def _check_tables(server: PostgresServer) -> None:
    import psycopg

    try:
        with server.connect() as connection:
            found = connection.execute("SELECT to_regclass('studies')").fetchone()
    except psycopg.Error as error:
        raise TuningError(server.sentence(error)) from error
    if found == (None,):
        raise TuningError(
            f"there is no study at {server.address}: run 'mrigen tune' first, or name the storage "
            "that has the study with --storage."
        )
