import os
import subprocess
import sys

import pytest

from mrigen.data.workers import available_cores, ordered_answers
from mrigen.errors import DataError


def test_answers_come_in_the_order_of_the_tasks():
    tasks = list(range(-20, 20))
    with ordered_answers(abs, tasks, workers=2) as answers:
        assert list(answers) == [abs(task) for task in tasks]


@pytest.mark.parametrize("together", [1, 3, 40, 100])
def test_tasks_that_travel_together_are_answered_one_by_one(together):
    tasks = list(range(-20, 20))
    with ordered_answers(abs, tasks, workers=2, together=together) as answers:
        assert list(answers) == [abs(task) for task in tasks]


def test_one_worker_stays_in_this_process():
    with ordered_answers(os.getenv, ["HOME"], workers=1) as answers:
        assert list(answers) == [os.getenv("HOME")]
    with ordered_answers(abs, [], workers=8) as answers:
        assert list(answers) == []


def test_processes_use_one_thread_and_the_environment_is_restored(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    monkeypatch.delenv("MKL_NUM_THREADS", raising=False)
    with ordered_answers(os.getenv, ["OMP_NUM_THREADS", "MKL_NUM_THREADS"], workers=2) as answers:
        assert list(answers) == ["1", "1"]
    assert os.environ["OMP_NUM_THREADS"] == "7"
    assert "MKL_NUM_THREADS" not in os.environ


def test_a_killed_process_is_a_data_error():
    with (
        ordered_answers(os._exit, [1, 1], workers=2) as answers,
        pytest.raises(DataError, match="a worker process was killed"),
    ):
        list(answers)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no masks of signals")
def test_interrupts_do_not_reach_even_the_first_process():
    masked = "signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, [])"
    look = f"import signal, sys; sys.exit(3 if {masked} else 4)"
    script = (
        "import multiprocessing\n"
        "from mrigen.data.workers import interrupts_held\n"
        f"process = multiprocessing.get_context('spawn').Process(target=exec, args=({look!r},))\n"
        "with interrupts_held():\n"
        "    process.start()\n"
        "process.join()\n"
        "raise SystemExit(process.exitcode)\n"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 3


def test_there_is_a_core():
    assert available_cores() >= 1
