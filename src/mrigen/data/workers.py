"""Work spread over processes that end with the one that started them."""

import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from functools import partial
from multiprocessing import resource_tracker
from typing import TypeVar

from mrigen.errors import DataError

Task = TypeVar("Task")
Answer = TypeVar("Answer")

# Tasks handed out per process: enough to keep it busy, few enough to hold the answers in memory.
_AHEAD = 4
_THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def available_cores() -> int:
    """Return how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@contextmanager
def ordered_answers(
    function: Callable[[Task], Answer], tasks: Sequence[Task], *, workers: int, together: int = 1
) -> Iterator[Iterator[Answer]]:
    """Yield an iterator of `function(task)` in the order of the tasks.

    Parameters
    ----------
    function
        Importable by its name; with one worker it runs in this process.
    tasks
        One argument each.
    workers
        Processes, each with a single thread. Leaving the block, by an interrupt too, ends them.
    together
        Tasks that travel to a process at once: more than one where each takes milliseconds.

    Raises
    ------
    DataError
        If a process was killed, as happens when memory runs out.
    """
    batches = [tasks[start : start + together] for start in range(0, len(tasks), together)]
    processes = min(workers, len(batches))
    if processes <= 1:
        yield map(function, tasks)
        return
    with threads_of_processes(1):
        pool = ProcessPoolExecutor(
            processes,
            mp_context=multiprocessing.get_context("spawn"),
            initializer=follow_parent,
        )
        try:
            with interrupts_held():
                for _ in range(processes):
                    pool.submit(os.getpid)  # each task starts a process while none is idle
            yield _in_order(pool, partial(_answer_all, function), batches, processes * _AHEAD)
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _answer_all(function: Callable[[Task], Answer], tasks: Sequence[Task]) -> list[Answer]:
    return [function(task) for task in tasks]


def _in_order(
    pool: ProcessPoolExecutor,
    function: Callable[[Sequence[Task]], list[Answer]],
    batches: Sequence[Sequence[Task]],
    ahead: int,
) -> Iterator[Answer]:
    waiting: deque[Future[list[Answer]]] = deque()
    try:
        for batch in batches:
            waiting.append(pool.submit(function, batch))
            if len(waiting) > ahead:
                yield from waiting.popleft().result()
        while waiting:
            yield from waiting.popleft().result()
    except BrokenProcessPool:
        raise DataError(
            "a worker process was killed, most often because memory ran out: use fewer "
            "--workers, or a lower max_voxels for the source."
        ) from None


@contextmanager
def threads_of_processes(count: int) -> Iterator[None]:
    """Give processes that are started in the block so many threads each."""
    # Numerical libraries read these once, when a new process loads them.
    before = {name: os.environ.get(name) for name in _THREAD_VARIABLES}
    os.environ.update(dict.fromkeys(_THREAD_VARIABLES, str(count)))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


@contextmanager
def interrupts_held() -> Iterator[None]:
    """Start processes that Ctrl-C does not reach.

    It is sent to every process of a terminal, and the parent alone answers it. Processes started
    in this block inherit the mask, so that they are deaf to it while they load, too.
    """
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    # Python starts a process of its own before the first of these, and lets interrupts in then.
    resource_tracker.ensure_running()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def follow_parent() -> None:
    """Make this process deaf to Ctrl-C, and end it when its parent has ended."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_exit_with_parent, daemon=True).start()


def _exit_with_parent() -> None:
    # A killed parent leaves its workers waiting for tasks for ever.
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
