"""How stages show where they stand: a bar on a terminal, plain lines elsewhere."""

import logging
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from types import TracebackType
from typing import Self, TypeVar

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    TextColumn,
    TimeRemainingColumn,
)

LINE_SECONDS = 15.0

_log = logging.getLogger(__name__)

Answer = TypeVar("Answer")


def shown(answers: Iterable[Answer], name: str, total: int) -> Iterator[Answer]:
    """Pass answers on, an answer a file, and show how many have come."""
    with reporting(name, MofNCompleteColumn(), TextColumn("files")) as report:
        report(0, total)
        for done, answer in enumerate(answers, start=1):
            yield answer
            report(done, total)


@contextmanager
def reporting(
    name: str, *columns: ProgressColumn, shown: bool = True
) -> Iterator[Callable[[int, int | None], None]]:
    """Yield a function that is told what is done and what there is in all, and show both.

    Parameters
    ----------
    name
        Shown before the bar.
    columns
        What stands behind the bar.
    shown
        False for silence.
    """
    console = Console(stderr=True)
    interactive = shown and console.is_terminal
    last = time.monotonic()
    front = (TextColumn("{task.description}", markup=False), BarColumn())
    bar = Progress(
        *front, *columns, TimeRemainingColumn(), console=console, disable=not interactive
    )
    with below_messages(bar):
        task = bar.add_task(name, total=None)

        def report(done: int, total: int | None) -> None:
            nonlocal last
            bar.update(task, completed=done, total=total)
            if shown and not interactive and time.monotonic() - last > LINE_SECONDS:
                last = time.monotonic()
                _log.info("%s: %s of %s", name, f"{done:,}", f"{total:,}" if total else "?")

        yield report


@contextmanager
def below_messages(display: AbstractContextManager[object]) -> Iterator[None]:
    """Show something live, and let lines that are logged meanwhile scroll by above it.

    Rich puts something of its own in the place of standard error, but what logs holds the old one.
    """
    before = sys.stderr
    moved = [
        handler
        for handler in logging.getLogger().handlers
        if isinstance(handler, logging.StreamHandler) and handler.stream is before
    ]
    with display:
        for handler in moved:
            handler.setStream(sys.stderr)
        try:
            yield
        finally:
            for handler in moved:
                handler.setStream(before)


class TrainingBar:
    """Updates done, images per second, time left, and the last epoch's loss.

    Parameters
    ----------
    name
        Shown before the bar.
    total, done
        Updates in all, and those an earlier process has done.
    batch_size
        Images per update.
    shown
        False for silence.
    """

    def __init__(
        self, name: str, *, total: int, done: int, batch_size: int, shown: bool = True
    ) -> None:
        self.name, self.total, self.batch_size = name, total, batch_size
        self.first = self.done = done
        self.shown = shown
        self.loss = ""
        self.start = self.last_line = time.monotonic()
        console = Console(stderr=True)
        self.interactive = shown and console.is_terminal
        self.bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.percentage:>3.0f} %"),
            TextColumn("{task.fields[speed]:.0f} images/s"),
            TimeRemainingColumn(),
            TextColumn("{task.fields[loss]}"),
            console=console,
            disable=not self.interactive,
        )
        self.task = self.bar.add_task(name, total=total, completed=done, speed=0.0, loss="")
        self._open = ExitStack()

    def __enter__(self) -> Self:
        self._open.enter_context(below_messages(self.bar))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._open.close()

    @property
    def speed(self) -> float:
        """Images per second of this process."""
        seconds = max(time.monotonic() - self.start, 1e-9)
        return (self.done - self.first) * self.batch_size / seconds

    def note(self, terms: Mapping[str, float]) -> None:
        """Show the means of the epoch that has just ended."""
        losses = {name: value for name, value in terms.items() if name.endswith("loss")}
        epoch = int(terms["epoch"])
        self.loss = f"epoch {epoch}: " + ", ".join(f"{k} {v:.4g}" for k, v in losses.items())

    def advance(self) -> None:
        """Count one update."""
        self.done += 1
        self.bar.update(self.task, completed=self.done, speed=self.speed, loss=self.loss)
        now = time.monotonic()
        finished = self.done == self.total
        if (
            self.shown
            and not self.interactive
            and (finished or now - self.last_line > LINE_SECONDS)
        ):
            self.last_line = now
            left = (self.total - self.done) * self.batch_size / max(self.speed, 1e-9)
            _log.info(
                "%s: update %d of %d, %.0f images/s, %.0f s left. %s",
                *(self.name, self.done, self.total, self.speed, left, self.loss),
            )
