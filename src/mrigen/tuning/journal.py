"""Studies in a journal file, shared by the processes of one host.

Every lock is one of the operating system, which ends with the process that holds it, however that
ends. Optuna's own locks are files that a killed process leaves behind.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path

from filelock import FileLock, Timeout
from optuna import Study
from optuna.storages import BaseStorage, JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import TrialState

from mrigen.errors import TuningError
from mrigen.tuning.hanging import locked_too_long
from mrigen.tuning.journal_lines import LineLock, check_lines
from mrigen.tuning.worker_name import new_worker_name

#: After so long a process that waits for others takes them for hanging.
LOCK_SECONDS = 300.0

_POLL_SECONDS = 0.01


class JournalStudies:
    """Studies in a journal file.

    Parameters
    ----------
    path
        Of the journal, which is there; its locks lie beside it.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._workers = path.parent / "workers"
        self._optuna = JournalStorage(JournalFileBackend(str(path), lock_obj=LineLock(path)))

    @property
    def address(self) -> str:
        """Path of the journal."""
        return str(self._path)

    @property
    def optuna(self) -> BaseStorage:
        """The journal as Optuna takes it."""
        return self._optuna

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        """Let one process at a time into the block."""
        # One lock object a path: a thread that holds it may take it again.
        lock = FileLock(
            self._path.with_name(f".{self._path.name}-claims.lock"),
            poll_interval=_POLL_SECONDS,
            is_singleton=True,
            fallback_to_soft=False,
        )
        try:
            lock.acquire(timeout=LOCK_SECONDS)
        except Timeout:
            raise locked_too_long(f"'{self._path}'", LOCK_SECONDS) from None
        try:
            yield
        finally:
            lock.release()

    @contextmanager
    def worker(self) -> Iterator[str]:
        """Hold the lock file of a new worker; yield the worker's name."""
        name = new_worker_name()
        path = self._file_of(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(path, poll_interval=_POLL_SECONDS, fallback_to_soft=False):
            try:
                yield name
            finally:
                with suppress(OSError):  # where an open file cannot be removed, another one does
                    path.unlink(missing_ok=True)

    def beating(self, study: Study, number: int) -> nullcontext[None]:  # noqa: ARG002 - as of any storage
        """Do nothing: that the worker's lock is held says that it is alive."""
        return nullcontext()

    def fail_dead_trials(self, study: Study) -> None:
        """Fail running trials of workers whose lock is free; remove the locks of dead workers."""
        for trial in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
            worker = trial.user_attrs.get("worker")
            # A trial without a worker was begun by one that died before it signed: beginning and
            # signing happen inside one `exclusive()`, as does this.
            if not isinstance(worker, str) or _is_free(self._file_of(worker)):
                study.tell(trial.number, state=TrialState.FAIL, skip_if_finished=True)
        for path in self._workers.glob("*.lock"):
            _is_free(path)

    def _file_of(self, worker: str) -> Path:
        return self._workers / (re.sub(r"[^A-Za-z0-9.-]", "-", worker) + ".lock")


def open_journal(path: Path, *, create: bool) -> JournalStudies:
    """Open a journal of studies.

    Parameters
    ----------
    path
        Of the file.
    create
        Make it if it is missing, and see to it that it can be written.

    Raises
    ------
    TuningError
        If it is missing and not to be made, cannot be written or locked, or is something else.
    """
    if path.is_dir():
        raise TuningError(
            f"the study storage '{path}' is a folder: name a file in it, such as "
            f"'{path / 'studies.journal'}'."
        )
    if path.exists() and not path.is_file():
        raise TuningError(
            f"the study storage '{path}' is not a plain file: name one, such as "
            f"'{path.parent / 'studies.journal'}'."
        )
    if not create and not path.exists():
        raise TuningError(
            f"there is no study storage at '{path}': run 'mrigen tune' first, or name the storage "
            "that has the study with --storage."
        )
    try:
        if create:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.open("ab").close()
        check_lines(path)
        if create:
            lock = LineLock(path)
            lock.acquire()
            lock.release()
        return JournalStudies(path)
    except OSError as error:
        raise TuningError(
            f"the study storage '{path}' cannot be {'written' if create else 'read'} "
            f"({error.strerror}): correct its permissions or name another one with --storage."
        ) from None


def _is_free(path: Path) -> bool:
    """Tell whether nobody holds a worker's lock, and remove it then."""
    if not path.exists():
        return True
    lock = FileLock(path, blocking=False, fallback_to_soft=False)
    try:
        lock.acquire()
    except Timeout:
        return False
    with suppress(OSError):
        path.unlink(missing_ok=True)
    lock.release()
    return True
