"""Where studies are kept, between the processes that work on them."""

import re
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

from optuna import Study, logging
from optuna.storages import BaseStorage

from mrigen.errors import TuningError, printable
from mrigen.tuning.journal import open_journal

#: Of the project folder, where no other storage is named.
JOURNAL = Path("tuned", "studies.journal")

_POSTGRESQL = {"postgresql", "postgres", "postgresql+psycopg"}


class StudyStorage(Protocol):
    """What a study needs of the place where it is kept."""

    @property
    def address(self) -> str:
        """Where it is, for people: without user and password."""
        ...

    @property
    def optuna(self) -> BaseStorage:
        """The same place as Optuna takes it."""
        ...

    def exclusive(self) -> AbstractContextManager[None]:
        """Let one process at a time into the block, over all that share the storage.

        A process that is killed in the block lets the next one in. A process that is in the block
        may enter it again.
        """
        ...

    def worker(self) -> AbstractContextManager[str]:
        """Register this process as a worker, alive until the block or the process ends.

        Yields its name, `<host>:<process>:<token>`, for the attribute `worker` of its trials.
        """
        ...

    def beating(self, study: Study, number: int) -> AbstractContextManager[None]:
        """Show in the block that the worker of the trial is alive."""
        ...

    def fail_dead_trials(self, study: Study) -> None:
        """Fail the running trials of workers that are dead; call it inside `exclusive()`."""
        ...


def open_storage(
    root: Path, address: str | None, *, create: bool = True, wait: bool = False
) -> StudyStorage:
    """Open the storage of studies.

    Parameters
    ----------
    root
        Project folder; paths are meant from there.
    address
        Path of a journal file, or `postgresql://user:password@host:port/database`; None takes
        `tuned/studies.journal`.
    create
        Make the file, or the tables, if they are missing.
    wait
        Wait for minutes, not seconds, for a server that does not answer: for a process that is
        begun when another has found it there.

    Raises
    ------
    TuningError
        If it cannot be reached or used.
    """
    logging.set_verbosity(logging.WARNING)
    if not address:
        return open_journal(root / JOURNAL, create=create)
    scheme, colon, rest = address.partition(":")
    if colon and scheme in _POSTGRESQL:
        # SQLAlchemy and psycopg take a moment to load, and psycopg may be missing.
        from mrigen.tuning.postgresql.studies import open_postgresql

        return open_postgresql(address, create=create, wait=wait)
    if rest.startswith("//"):
        raise TuningError(
            f"a study storage cannot be of kind '{printable(scheme)}': expected the path of a "
            "journal file, or 'postgresql://user:password@host:port/database'."
        )
    if re.search(":.*@", address):
        # A file of this name would show the password to everybody.
        raise TuningError(
            "the address of the study storage has something like a user and a password in it, but "
            "does not begin with 'postgresql://': expected "
            "'postgresql://user:password@host:port/database', or the path of a journal file."
        )
    return open_journal(root / Path(address).expanduser(), create=create)
