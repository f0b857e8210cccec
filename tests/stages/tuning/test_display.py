import io
import logging
from dataclasses import replace
from datetime import timedelta

import pytest
from rich.console import Console

from made_studies import START, made_study
from mrigen.stages.tuning.display import StudyDisplay
from mrigen.stages.tuning.time_left import seconds_left
from mrigen.tuning.records import TrialState

LATER = START + timedelta(minutes=30)


def display(*, terminal=False, total=24, width=120, shown=True):
    console = Console(file=io.StringIO(), force_terminal=terminal, width=width, height=40)
    return StudyDisplay(
        "vae",
        ("frechet_distance",),
        total=total,
        workers=2,
        shown=shown,
        console=console,
        now=lambda: LATER,
    )


def upto(record, count):
    return replace(record, trials=record.trials[:count])


def drawn(board, record):
    board.update(record)
    console = Console(file=io.StringIO(), width=120, height=40)
    console.print(board.live.get_renderable())
    return console.file.getvalue()


def test_each_trial_that_ends_is_one_line(caplog):
    caplog.set_level(logging.INFO, "mrigen")
    record = made_study()
    with display() as board:
        for count in range(len(record.trials) + 1):
            board.update(upto(record, count))
            board.update(upto(record, count))
    lines = [entry.getMessage() for entry in caplog.records]
    over = [trial for trial in record.trials if trial.state is not TrialState.RUNNING]
    assert len(lines) == len(over)
    assert lines[5].startswith("vae: trial 5 failed: training diverged in step 41")
    assert "; 6 of 24, best frechet_distance " in lines[5]
    assert lines[5].endswith(" left")


def test_a_study_that_goes_on_does_not_tell_its_old_trials_again(caplog):
    caplog.set_level(logging.INFO, "mrigen")
    record = made_study()
    with display() as board:
        board.update(upto(record, 10))
        board.update(upto(record, 11))
    first, second = (entry.getMessage() for entry in caplog.records)
    assert first.startswith("vae: going on, 9 of 24, best frechet_distance ")
    assert second.startswith("vae: trial 10 ")


@pytest.mark.parametrize("terminal", [True, False])
def test_silence_is_silent(caplog, terminal):
    caplog.set_level(logging.INFO, "mrigen")
    board = display(terminal=terminal, shown=False)
    with board:
        board.update(upto(made_study(), 3))
        board.update(made_study())
    assert not caplog.records
    assert board.live.console.file.getvalue() == ""


def test_a_terminal_shows_the_bar_the_best_and_what_runs():
    text = drawn(display(terminal=True), made_study())
    assert "23 of 24 trials" in text
    assert "best frechet_distance " in text
    assert "1 running, " in text
    assert "last failure: trial 5: training diverged in step 41, where 'loss' is nan" in text
    running = text.splitlines()[-1]
    assert running.split()[:2] == ["24", "3"]
    assert running.split()[3:5] == ["6:00", "learning_rate"]


def test_a_study_without_trials_says_what_it_waits_for():
    text = drawn(display(terminal=True), upto(made_study(), 0))
    assert "0 of 24 trials" in text
    assert text.rstrip().endswith("workers are starting")


def test_a_terminal_shows_some_of_many_running_trials():
    record = made_study()
    running = tuple(replace(record.trials[-1], number=number) for number in range(30))
    text = drawn(display(terminal=True, total=40), replace(record, trials=running))
    assert text.rstrip().endswith("and 20 more")


def test_a_narrow_terminal_keeps_numbers_whole():
    board = display(terminal=True)
    board.update(made_study())
    console = Console(file=io.StringIO(), width=50, height=40)
    console.print(board.live.get_renderable())
    assert console.file.getvalue().splitlines()[-1].split()[:2] == ["24", "3"]


def test_a_reason_cannot_steer_the_terminal(caplog):
    caplog.set_level(logging.INFO, "mrigen")
    record = made_study()
    evil = replace(record.trials[5], reason="\x1b[2J[bold]gone[/bold]", params={"a.b": "\x1b[2J"})
    text = drawn(display(terminal=True), replace(record, trials=(evil,)))
    assert "trial 5: \\x1b[2J[bold]gone[/bold]" in text
    assert "\x1b" not in drawn(display(terminal=True), replace(record, trials=(_running(evil),)))
    board = display()
    board.update(upto(record, 0))
    board.update(replace(record, trials=(evil,)))
    assert "\x1b" not in caplog.text


def _running(trial):
    return replace(trial, state=TrialState.RUNNING, ended=None)


def timed(record, *, ended, running, age=0.0):
    """Trials that took 100 s each, and some that have run for `age` seconds."""
    old = replace(record.trials[0], started=START, ended=START + timedelta(seconds=100), looks={})
    young = replace(
        old,
        state=TrialState.RUNNING,
        started=LATER - timedelta(seconds=age),
        ended=None,
        values=(),
    )
    trials = [replace(old, number=number) for number in range(ended)]
    trials += [replace(young, number=ended + number) for number in range(running)]
    return replace(record, trials=tuple(trials))


@pytest.mark.parametrize(
    ("ended", "running", "age", "expected"),
    [
        (0, 2, 0, None),
        (2, 0, 0, 400),  # 8 trials on 2 workers
        (2, 2, 50, 350),  # 6 trials and 2 halves
        (9, 1, 30, 70),  # the last trial has one worker alone
        (4, 6, 20, 80),  # more trials run than this command has workers
        (9, 1, 500, 0),  # longer than any before
        (10, 0, 0, 0),
    ],
)
def test_time_left_follows_from_the_trials_that_ended(ended, running, age, expected):
    record = timed(made_study(), ended=ended, running=running, age=age)
    assert seconds_left(record, 10, 2, LATER) == expected
