"""The worker processes of one `mrigen tune`, from start to end."""

import logging
import multiprocessing
import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from types import TracebackType
from typing import Self

from mrigen.data.workers import interrupts_held, threads_of_processes
from mrigen.errors import TuningError
from mrigen.stages.tuning.notice import Notice
from mrigen.stages.tuning.worker import Assignment, work

_END_SECONDS = 5.0

_log = logging.getLogger(__name__)


@dataclass
class _Member:
    assignment: Assignment
    process: BaseProcess
    receiver: Connection


class Crew:
    """Worker processes that are started anew when they are killed.

    As a context manager it leaves no process behind.

    Parameters
    ----------
    assignments
        One a worker.
    """

    def __init__(self, assignments: Sequence[Assignment]) -> None:
        self._assignments = tuple(assignments)
        self._members: list[_Member] = []
        self._stopping = False
        self._kills = 0

    def __enter__(self) -> Self:
        try:
            for assignment in self._assignments:
                self._start(assignment)
        except BaseException as error:  # Python leaves no block that it has not entered
            self.__exit__(type(error), error, error.__traceback__)
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if isinstance(error, Exception):
            self._let_end()
        for member in self._members:
            if member.process.is_alive():
                member.process.kill()
        for member in self._members:
            member.process.join(_END_SECONDS)
            member.receiver.close()

    @property
    def is_at_work(self) -> bool:
        """Whether a worker is left."""
        return bool(self._members)

    def stop(self) -> None:
        """Ask all workers to give their trials back and end; no other one is started."""
        if not self._stopping:
            self._stopping = True
            for member in self._members:
                member.process.terminate()

    def tend(self, seconds: float, *, is_work_left: Callable[[], bool]) -> None:
        """Wait for something to happen, say what workers have to say, and replace killed ones.

        Parameters
        ----------
        seconds
            To wait at most.
        is_work_left
            Asked after a worker was killed.

        Raises
        ------
        MrigenError, OSError
            What ended a worker.
        TuningError
            If workers are killed again and again.
        RuntimeError
            If a worker ended with a traceback, which it has printed.
        """
        receivers = [member.receiver for member in self._members]
        wait([*receivers, *(member.process.sentinel for member in self._members)], seconds)
        for member in tuple(self._members):
            ended = not member.process.is_alive()  # before its last words are read
            self._listen(member)
            if ended:
                self._bury(member, is_work_left)

    def note_end(self) -> None:
        """Take it that a trial has ended: workers are of use."""
        self._kills = 0

    def _let_end(self) -> None:
        # What ended one of them is not the fault of the others' trials, which are given back: a
        # killed one would count against its parameters.
        self.stop()
        end = time.monotonic() + _END_SECONDS
        for member in self._members:
            member.process.join(max(end - time.monotonic(), 0.0))

    def _start(self, assignment: Assignment) -> None:
        context = multiprocessing.get_context("spawn")
        receiver, sender = context.Pipe(duplex=False)
        process = context.Process(target=work, args=(assignment, sender), name="mrigen-worker")
        with interrupts_held(), threads_of_processes(assignment.threads):
            process.start()
        sender.close()
        self._members.append(_Member(assignment, process, receiver))

    def _listen(self, member: _Member) -> None:
        try:
            while member.receiver.poll():
                message = member.receiver.recv()
                if isinstance(message, Notice):
                    _log.log(message.level, "%s", message.text)
                else:
                    raise message
        except EOFError:
            return  # it has ended

    def _bury(self, member: _Member, is_work_left: Callable[[], bool]) -> None:
        self._members.remove(member)
        member.process.join()
        member.receiver.close()
        code = member.process.exitcode or 0
        if self._stopping or code == 0:
            return
        if code > 0:
            raise RuntimeError(f"a worker ended with code {code}: its traceback is above.")
        self._kills += 1
        name = signal.Signals(-code).name
        # The same parameters fail after three kills, so that many workers may lose a few each.
        if self._kills > 3 * len(self._assignments) + 1:
            raise TuningError(
                f"workers were ended by {name} {self._kills} times without a trial in between, "
                "most often because memory runs out: use fewer --workers, or search smaller "
                "networks."
            )
        _log.warning(
            "A worker was ended by %s, most often because memory runs out: its trial is run again.",
            name,
        )
        if is_work_left():
            self._start(member.assignment)
