"""Worker processes: who is replaced, whose words are heard, and that none is left behind."""

import logging
import signal

import pytest

import short_workers
from mrigen.errors import DataError, TuningError
from mrigen.stages.tuning import crew as stage
from mrigen.stages.tuning.crew import Crew
from short_workers import Told


def work_off(crew, *, is_work_left=lambda: True):
    with crew:
        while crew.is_at_work:
            crew.tend(5.0, is_work_left=is_work_left)


def started(monkeypatch, work):
    """Have workers do `work`, and count them."""
    count = []
    plain = Crew._start

    def start(self, assignment):
        count.append(assignment)
        plain(self, assignment)

    monkeypatch.setattr(stage, "work", work)
    monkeypatch.setattr(Crew, "_start", start)
    return count


def test_a_worker_that_ends_is_not_replaced(monkeypatch):
    count = started(monkeypatch, short_workers.end)
    work_off(Crew([Told(), Told()]))
    assert len(count) == 2


def test_a_killed_worker_is_replaced_while_there_is_work(monkeypatch, caplog):
    count = started(monkeypatch, short_workers.be_killed)
    answers = iter([True, True, False])
    work_off(Crew([Told()]), is_work_left=lambda: next(answers))
    assert len(count) == 3
    assert "A worker was ended by SIGKILL" in caplog.text


def test_workers_that_are_killed_without_end_are_given_up(monkeypatch):
    started(monkeypatch, short_workers.be_killed)
    with pytest.raises(TuningError, match="SIGKILL 5 times without a trial in between"):
        work_off(Crew([Told()]))


def test_what_a_worker_cannot_use_is_raised(monkeypatch):
    started(monkeypatch, short_workers.refuse)
    with pytest.raises(DataError, match="the slices are gone"):
        work_off(Crew([Told()]))


def test_others_may_give_their_trials_back_then(monkeypatch):
    started(monkeypatch, short_workers.refuse_alone)
    crew = Crew([Told(threads=2), Told()])
    with pytest.raises(DataError, match="the slices are gone"):
        work_off(crew)
    assert crew._members[0].process.exitcode == -signal.SIGTERM


def test_where_one_cannot_be_started_none_is_left(monkeypatch):
    plain = Crew._start

    def start(crew, assignment):
        if crew._members:
            raise BlockingIOError(11, "Resource temporarily unavailable")
        plain(crew, assignment)

    monkeypatch.setattr(stage, "work", short_workers.hang)
    monkeypatch.setattr(Crew, "_start", start)
    crew = Crew([Told(), Told()])
    with pytest.raises(BlockingIOError), crew:
        pass
    assert crew._members[0].process.exitcode is not None


def test_a_worker_that_breaks_down_ends_the_work(monkeypatch):
    started(monkeypatch, short_workers.break_down)
    with pytest.raises(RuntimeError, match="code 3"):
        work_off(Crew([Told()]))


def test_what_a_worker_says_is_logged_here(monkeypatch, caplog):
    started(monkeypatch, short_workers.say_threads)
    with caplog.at_level(logging.WARNING):
        work_off(Crew([Told(threads=3)]))
    assert "threads: 3" in caplog.text


@pytest.mark.parametrize("stops", [True, False])
def test_no_process_is_left_behind(stops, monkeypatch):
    started(monkeypatch, short_workers.hang)
    with Crew([Told()]) as crew:
        process = crew._members[0].process
        if stops:
            crew.stop()
            while crew.is_at_work:  # with a worker in its place this would not end
                crew.tend(60.0, is_work_left=lambda: True)
    assert process.exitcode != 0
    assert process.exitcode is not None
