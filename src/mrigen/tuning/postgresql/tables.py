"""Optuna's tables, on a server that may be away for a moment."""

import time
import weakref
from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any, TypeVar, cast

import sqlalchemy
from optuna.exceptions import StorageInternalError, UpdateFinishedTrialError
from optuna.storages import RDBStorage
from optuna.trial import TrialState
from sqlalchemy.exc import DBAPIError

from mrigen.errors import ConnectionLostError, TuningError
from mrigen.tuning.postgresql.server import PostgresServer, reason

Answer = TypeVar("Answer")
Method = TypeVar("Method", bound=Callable[..., Any])

#: How often something is tried that lost connections cut off.
TIMES = 5
PAUSE_SECONDS = 0.5


def _repeating(method: Method, times: int = TIMES) -> Method:
    """Return a method of `RDBStorage` that does again what a lost connection cut off."""

    @wraps(method)
    def call(self: "StudyTables", *args: object, **kwargs: object) -> object:
        return repeated(self.server, lambda: method(self, *args, **kwargs), times)

    return cast("Method", call)


class StudyTables(RDBStorage):
    """`RDBStorage` that does again what a lost connection cut off, where that is safe.

    Parameters
    ----------
    server
        With the database of the tables.
    create
        Make the tables if they are missing.
    """

    # Doing these twice does no more than once. Those with an underscore are what Optuna's cache,
    # which `optuna.create_study` puts before the tables, calls instead of the public ones.
    delete_study = _repeating(RDBStorage.delete_study)
    get_all_studies = _repeating(RDBStorage.get_all_studies)
    get_all_trials = _repeating(RDBStorage.get_all_trials)
    get_best_trial = _repeating(RDBStorage.get_best_trial)
    get_study_directions = _repeating(RDBStorage.get_study_directions)
    get_study_id_from_name = _repeating(RDBStorage.get_study_id_from_name)
    get_study_name_from_id = _repeating(RDBStorage.get_study_name_from_id)
    get_study_system_attrs = _repeating(RDBStorage.get_study_system_attrs)
    get_study_user_attrs = _repeating(RDBStorage.get_study_user_attrs)
    get_trial = _repeating(RDBStorage.get_trial)
    get_trial_id_from_study_id_trial_number = _repeating(
        RDBStorage.get_trial_id_from_study_id_trial_number
    )
    record_heartbeat = _repeating(RDBStorage.record_heartbeat)
    set_study_system_attr = _repeating(RDBStorage.set_study_system_attr)
    set_study_user_attr = _repeating(RDBStorage.set_study_user_attr)
    set_trial_intermediate_value = _repeating(RDBStorage.set_trial_intermediate_value)
    set_trial_param = _repeating(RDBStorage.set_trial_param)
    set_trial_system_attr = _repeating(RDBStorage.set_trial_system_attr)
    set_trial_user_attr = _repeating(RDBStorage.set_trial_user_attr)
    _get_trials = _repeating(RDBStorage._get_trials)
    _set_trial_param = _repeating(RDBStorage._set_trial_param)
    # These could do it twice where the server did it and went before it could say so. They stand
    # inside `exclusive()`, and whoever holds that begins its block again.
    create_new_study = _repeating(RDBStorage.create_new_study, 1)
    _create_new_trial = _repeating(RDBStorage._create_new_trial, 1)

    def __init__(self, server: PostgresServer, *, create: bool) -> None:
        self.server = server
        try:
            super().__init__(
                "postgresql+psycopg://",  # the server connects, so that Optuna sees no password
                {"creator": server.connect, "pool_pre_ping": True, "pool_size": 2},
                skip_table_creation=not create,
            )
        except BaseException:
            if hasattr(self, "engine"):
                self.engine.dispose()
            raise
        # Connections that nobody closes are complained of when they are collected.
        weakref.finalize(self, self.engine.dispose)

    def stopped_heartbeats(self, grace: int) -> dict[int, bool]:
        """Return by trial whether the heartbeat of a running one has stopped.

        Optuna's `fail_stale_trials` wants a storage on which its `ask` warns of heartbeats, and
        leaves trials alone that never had one.

        Parameters
        ----------
        grace
            Seconds since the last heartbeat, by the server's clock, that mean nothing yet.
        """
        # While the server was away nobody could give one.
        statement = sqlalchemy.text(
            "SELECT trial_id, greatest(heartbeat, pg_postmaster_start_time() AT TIME ZONE 'UTC') "
            "< now() AT TIME ZONE 'UTC' - make_interval(secs => :grace) "
            "FROM trial_heartbeats JOIN trials USING (trial_id) WHERE state = 'RUNNING'"
        )

        def read() -> dict[int, bool]:
            with self.engine.connect() as connection:
                rows = connection.execute(statement, {"grace": grace}).all()
            return {row[0]: row[1] for row in rows}

        return repeated(self.server, read, TIMES)

    def set_trial_state_values(
        self, trial_id: int, state: TrialState, values: Sequence[float] | None = None
    ) -> bool:
        """Set the state of a trial, and its values."""
        first = True

        def set_once() -> bool:
            nonlocal first
            again, first = not first, False
            try:
                done = super(StudyTables, self).set_trial_state_values(trial_id, state, values)
            except UpdateFinishedTrialError:
                # The first attempt may have succeeded without anybody hearing of it.
                trial = self.get_trial(trial_id)
                if again and (trial.state, trial.values) == (state, values and list(values)):
                    return True
                raise
            # It runs by the first attempt, then: nobody else begins one, inside `exclusive()`.
            return done or (again and state is TrialState.RUNNING)

        return repeated(self.server, set_once, TIMES)


def repeated(server: PostgresServer, function: Callable[[], Answer], times: int) -> Answer:
    """Return what a function answers, called again if a connection was lost in its midst.

    Raises
    ------
    ConnectionLostError
        If it was lost each time.
    TuningError
        If the server refuses.
    """
    for left in reversed(range(times)):
        try:
            return function()
        except (StorageInternalError, DBAPIError) as error:
            cause = _cause(error)
            if cause is None or not cause.connection_invalidated:
                raise TuningError(server.sentence(cause or error)) from error
            if not left:
                raise ConnectionLostError(
                    f"the connection to the study storage {server.address} was lost "
                    f"({reason(cause)}): run the same command again when the server is back."
                ) from error
        time.sleep(PAUSE_SECONDS)
    raise AssertionError("unreachable")


def _cause(error: BaseException) -> DBAPIError | None:
    """Return the error of the database behind one of Optuna."""
    found: BaseException | None = error
    while found is not None and not isinstance(found, DBAPIError):
        found = found.__cause__ or found.__context__
    return found
