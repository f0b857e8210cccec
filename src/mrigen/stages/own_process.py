"""A function in a process of its own: what it holds is freed, and its peak of memory is its own."""

import multiprocessing
import signal
import sys
from collections import deque
from collections.abc import Callable, Generator, Iterable
from contextlib import closing
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from types import FrameType
from typing import Generic, TypeVar

from mrigen.data.workers import follow_parent, interrupts_held
from mrigen.errors import MrigenError

Task = TypeVar("Task")
Answer = TypeVar("Answer")

_END_SECONDS = 5.0


class KilledError(MrigenError):
    """A process was ended by a signal before it could answer."""


def answer_from_own_process(function: Callable[[Task], Answer], task: Task) -> Answer:
    """Return `function(task)`, computed in a fresh process.

    Parameters
    ----------
    function
        Importable by its name.
    task
        Its argument; it has to travel, as does the answer.

    Raises
    ------
    MrigenError
        As the function raises it.
    KilledError
        If a signal ended the process, most often because memory ran out.
    RuntimeError
        If the function raised anything else; the process has printed its traceback.
    """
    with closing(answers_from_own_processes(function, [task], workers=1)) as answers:
        return next(answers)


def answers_from_own_processes(
    function: Callable[[Task], Answer], tasks: Iterable[Task], *, workers: int
) -> Generator[Answer]:
    """Yield `function(task)` of each task as they end, each computed in a fresh process.

    Parameters
    ----------
    function, tasks
        As in `answer_from_own_process`, whose errors are raised here, too.
    workers
        Processes at a time. Closing the generator ends them, as does an error.
    """
    waiting, running = deque(tasks), list[_OwnProcess[Answer]]()
    try:
        while waiting or running:
            while waiting and len(running) < workers:
                running.append(_OwnProcess(function, waiting.popleft()))
                running[-1].start()
            ready = wait([handle for own in running for handle in own.handles])
            ended = next(own for own in running if set(own.handles) & set(ready))
            answer = ended.answer()
            running.remove(ended)
            ended.end()
            yield answer
    finally:
        for own in running:
            own.ask_to_end()  # all at once: each may take seconds
        for own in running:
            own.end()


class _OwnProcess(Generic[Answer]):
    """A process, and the pipe through which its answer comes."""

    def __init__(self, function: Callable[[Task], Answer], task: Task) -> None:
        context = multiprocessing.get_context("spawn")
        self._receiver, self._sender = context.Pipe(duplex=False)
        self._process = context.Process(target=_work, args=(function, task, self._sender))

    def start(self) -> None:
        with interrupts_held():
            self._process.start()
        self._sender.close()

    @property
    def handles(self) -> tuple[Connection, int]:
        """What is ready when the process has answered or ended."""
        return self._receiver, self._process.sentinel

    def answer(self) -> Answer:
        try:
            answer = self._receiver.recv() if self._receiver.poll() else None
        except EOFError:
            answer = None
        if answer is None:
            _tell_end(self._process)
        self._process.join(_END_SECONDS)  # a GPU takes a moment to be given back
        if isinstance(answer, MrigenError):
            raise answer
        return answer[0]  # type: ignore[index, no-any-return] # what travels has no type

    def ask_to_end(self) -> None:
        if self._process.is_alive():
            self._process.terminate()

    def end(self) -> None:
        self._receiver.close()
        _end(self._process)


def _work(function: Callable[[Task], Answer], task: Task, sender: Connection) -> None:
    follow_parent()
    # Asked to end, it ends as a program does: with what it has started.
    signal.signal(signal.SIGTERM, _leave)
    try:
        sender.send((function(task),))
    except MrigenError as error:
        sender.send(error)


def _leave(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - Python's signature
    sys.exit(128 + number)


def _tell_end(process: BaseProcess) -> None:
    process.join()
    code = process.exitcode
    if code is not None and code < 0:
        name = signal.Signals(-code).name
        raise KilledError(f"its process was ended by {name}, most often because memory ran out")
    raise RuntimeError(f"a process ended with code {code} before it answered.")


def _end(process: BaseProcess) -> None:
    if process.pid is None:
        return  # it was never started
    if process.is_alive():
        process.terminate()
        process.join(_END_SECONDS)
    if process.is_alive():
        process.kill()
        process.join()
    process.close()
