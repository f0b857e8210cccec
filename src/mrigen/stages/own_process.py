"""A function in a process of its own: what it holds is freed, and its peak of memory is its own."""

import multiprocessing
import signal
import sys
from collections.abc import Callable
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from types import FrameType
from typing import TypeVar

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
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_work, args=(function, task, sender))
    try:
        with interrupts_held():
            process.start()
        sender.close()
        wait([receiver, process.sentinel])
        try:
            answer = receiver.recv() if receiver.poll() else None
        except EOFError:
            answer = None
        if answer is None:
            _tell_end(process)
        process.join(_END_SECONDS)  # a GPU takes a moment to be given back
    finally:
        receiver.close()
        _end(process)
    if isinstance(answer, MrigenError):
        raise answer
    return answer[0]  # type: ignore[index, no-any-return] # what travels has no type


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
