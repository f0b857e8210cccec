"""A process that works with a study storage, one command at a time, and may be killed at any."""

import multiprocessing
import os
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from multiprocessing.connection import Connection
from pathlib import Path

# Processes of their own that begin in a moment: copies of one that has loaded what they need, and
# has opened nothing.
_COPIED = "forkserver" in multiprocessing.get_all_start_methods()
_CONTEXT = multiprocessing.get_context("forkserver" if _COPIED else "spawn")
_CONTEXT.set_forkserver_preload(
    ["pytest", "psycopg", "mrigen.tuning.study", "mrigen.tuning.postgresql.studies"]
)
_END_SECONDS = 120


class StorageProcess:
    """The process as its test sees it."""

    def __init__(self, root: Path, address: str | None = None) -> None:
        self._pipe, other = _CONTEXT.Pipe()
        self._process = _CONTEXT.Process(target=_serve, args=(root, address, other))
        self._process.start()
        other.close()

    def send(self, *words: object) -> None:
        """Begin a command."""
        self._pipe.send([str(word) for word in words])

    def answer(self) -> str:
        """Wait for the answer to the oldest command that has none; "" if the process ended."""
        try:
            return self._pipe.recv()
        except (EOFError, ConnectionResetError):
            return ""

    def ask(self, *words: object) -> str:
        """Do a command; return its answer."""
        self.send(*words)
        return self.answer()

    def kill(self) -> None:
        """End it by SIGKILL, which no program can answer."""
        self._process.kill()
        self._process.join(_END_SECONDS)
        self._pipe.close()


@contextmanager
def storage_processes(count: int, root: Path, address: str | None = None) -> Iterator[list]:
    """Processes that have loaded what they need and have not opened the storage."""
    processes = [StorageProcess(root, address) for _ in range(count)]
    try:
        yield processes
    finally:
        for process in processes:
            process.kill()


def run_at_once(count: int, work: Callable[[Path], None], root: Path) -> list[int | None]:
    """Do the same in processes begun at once, where warnings are errors; return exit codes."""
    processes = [_CONTEXT.Process(target=_work, args=(work, root)) for _ in range(count)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(_END_SECONDS)
    return [process.exitcode for process in processes]


def _work(work: Callable[[Path], None], root: Path) -> None:
    warnings.simplefilter("error")
    work(root)


def open_for_tests(root: Path, address: str | None):
    """The storage, with a heart that beats fast enough for a test."""
    from mrigen.tuning.postgresql.studies import Heartbeat, open_postgresql
    from mrigen.tuning.storage import open_storage

    if address:
        return open_postgresql(address, create=True, heartbeat=Heartbeat(seconds=1, grace=2))
    return open_storage(root, None)


def wait_for_states(storage, wanted: list) -> list:
    """States of the trials, as soon as they are as wanted, or after half a minute."""
    import optuna

    study = optuna.load_study(study_name="study", storage=storage.optuna)
    end = time.monotonic() + 30
    while True:
        with storage.exclusive():
            storage.fail_dead_trials(study)
        states = [trial.state for trial in study.trials]
        if states == wanted or time.monotonic() > end:
            return states
        time.sleep(0.1)


class _Commands:
    def __init__(self, root: Path, address: str | None) -> None:
        self._root, self._address = root, address
        self._stack = ExitStack()

    def open(self) -> str:
        import optuna

        self._storage = open_for_tests(self._root, self._address)
        with self._storage.exclusive():
            self._study = optuna.create_study(
                storage=self._storage.optuna, study_name="study", load_if_exists=True
            )
        self._worker = self._stack.enter_context(self._storage.worker())
        return "opened"

    def enter(self) -> str:
        self._stack.enter_context(self._storage.exclusive())
        return "entered"

    def begin(self, signed: str = "signed") -> str:
        with self._storage.exclusive():
            trial = self._study.ask()
            if signed == "signed":
                trial.set_user_attr("worker", self._worker)
        return str(trial.number)

    def beat(self, number: str) -> str:
        self._stack.enter_context(self._storage.beating(self._study, int(number)))
        return "beating"

    def count(self, times: str) -> str:
        for _ in range(int(times)):
            with self._storage.exclusive():
                count = self._study.user_attrs.get("count", 0)
                self._study.set_user_attr("count", count + 1)
        return "counted"

    def fork(self) -> str:
        child = os.fork()
        if child == 0:
            time.sleep(600)
        return str(child)

    def write_half(self) -> str:
        from mrigen.tuning.journal_lines import LineLock

        path = Path(self._storage.address)
        LineLock(path).acquire()
        with path.open("ab") as file:
            file.write(b'{"op_code":4,"worker_id":"x')
        return "written"


def _serve(root: Path, address: str | None, pipe: Connection) -> None:
    warnings.simplefilter("error")
    commands = _Commands(root, address)
    while True:
        command, *words = pipe.recv()
        pipe.send(getattr(commands, command)(*words))
