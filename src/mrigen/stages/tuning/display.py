"""How a study shows where it stands: a table on a terminal, a line a trial elsewhere."""

import logging
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from types import TracebackType
from typing import Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from mrigen.errors import printable
from mrigen.stages.progress import below_messages
from mrigen.stages.tuning.time_left import running_seconds, seconds_left
from mrigen.tuning.records import StudyRecord, TrialState
from mrigen.tuning.wording import (
    spoken_best,
    spoken_counts,
    spoken_duration,
    spoken_parameters,
    spoken_score,
    spoken_trial,
)

_BAR_WIDTH = 40
# Running trials of one table; a study of many hosts has more.
_ROWS = 10

_log = logging.getLogger(__name__)


class StudyDisplay:
    """Shows trials that run, those that ended, the best against the baseline, and time left.

    Parameters
    ----------
    model
        Whose parameters are searched.
    objectives
        Names of what is small in a good trial.
    total
        Trials asked for.
    workers
        Processes of this command.
    shown
        False for silence.
    console
        Standard error by default.
    now
        The present time, with a time zone.
    """

    def __init__(
        self,
        model: str,
        objectives: tuple[str, ...],
        *,
        total: int,
        workers: int,
        shown: bool = True,
        console: Console | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.model, self.objectives = model, objectives
        self.total, self.workers = total, workers
        self.shown, self.now = shown, now
        self.record: StudyRecord | None = None
        self.told: set[int] = set()
        console = console or Console(stderr=True)
        self.interactive = shown and console.is_terminal
        self.live = Live(get_renderable=self._drawn, console=console, refresh_per_second=2)
        self._open = ExitStack()

    def __enter__(self) -> Self:
        if self.interactive:
            self._open.enter_context(below_messages(self.live))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._open.close()

    def update(self, record: StudyRecord) -> None:
        """Show a study as it stands now."""
        first = self.record is None
        self.record = record
        over = [
            trial
            for trial in record.trials
            if not trial.state.is_open and trial.number not in self.told
        ]
        self.told.update(trial.number for trial in over)
        if not self.shown or self.interactive or not over:
            return
        if first:
            _log.info("%s: going on, %s", self.model, printable(_standing(record, self.total)))
            return
        for trial in over:
            ended = f"{spoken_trial(trial, self.objectives)} ({spoken_parameters(trial.params)})"
            line = f"{ended}; {_standing(record, self.total)}{self._left()}"
            _log.info("%s: %s", self.model, printable(line))

    def _left(self) -> str:
        if self.record is None or len(self.record.ended) >= self.total:
            return ""
        seconds = seconds_left(self.record, self.total, self.workers, self.now())
        return "" if seconds is None else f"; {spoken_duration(seconds)} left"

    def _drawn(self) -> RenderableType:
        record = self.record
        if record is None:
            return Text(f"{self.model}: preparing")
        now = self.now()
        return Group(
            self._bar(record),
            *(Text(printable(line), style="dim") for line in _remarks(record)),
            *_running_table(record, now),
        )

    def _bar(self, record: StudyRecord) -> Table:
        done = len(record.ended)
        line = Table.grid(padding=(0, 1))
        line.add_row(
            Text(self.model, style="bold"),
            ProgressBar(total=self.total, completed=min(done, self.total), width=_BAR_WIDTH),
            Text(f"{done} of {self.total} trials{self._left()}", no_wrap=True),
        )
        return line


def _standing(record: StudyRecord, total: int) -> str:
    best = spoken_best(record)
    return f"{len(record.ended)} of {total}" + (f", {best}" if best else "")


def _remarks(record: StudyRecord) -> Iterator[str]:
    best = spoken_best(record)
    if best is not None:
        yield best
    if record.counted:
        yield spoken_counts(record)
    if all(trial.state in {TrialState.WAITING, TrialState.LOST} for trial in record.trials):
        yield "workers are starting"
    failed = [trial for trial in record.trials if trial.state is TrialState.FAILED]
    if failed:
        yield f"last failure: trial {failed[-1].number}: {failed[-1].reason or 'unknown'}"


def _running_table(record: StudyRecord, now: datetime) -> Iterator[RenderableType]:
    running = [trial for trial in record.trials if trial.state is TrialState.RUNNING]
    if not running:
        return
    table = Table(box=None, pad_edge=False, header_style="bold", expand=True)
    for name, width in (("trial", 5), ("epoch", 5), ("score", 7), ("time", 7)):
        table.add_column(name, justify="right", no_wrap=True, width=width)
    table.add_column("parameters", ratio=1, no_wrap=True, overflow="ellipsis")
    for trial in running[:_ROWS]:
        epoch = max(trial.looks, default=None)
        table.add_row(
            str(trial.number),
            "" if epoch is None else str(epoch),
            "" if epoch is None else spoken_score(trial.looks[epoch]),
            spoken_duration(running_seconds(trial, now)),
            Text("baseline" if trial.baseline else printable(spoken_parameters(trial.params))),
        )
    yield table
    if len(running) > _ROWS:
        yield Text(f"and {len(running) - _ROWS} more", style="dim")
