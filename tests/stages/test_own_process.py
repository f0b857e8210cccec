"""A process of its own: answers, mistakes, defects and kills come back."""

import os
import signal
import subprocess
import sys
import time

import pytest

from mrigen.errors import DataError
from mrigen.stages.own_process import (
    KilledError,
    answer_from_own_process,
    answers_from_own_processes,
)


def number_of_process(task):
    return os.getpid(), task


def test_answers_from_another_process():
    pid, task = answer_from_own_process(number_of_process, {"steps": 3})
    assert task == {"steps": 3}
    assert pid != os.getpid()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def nothing(task):
    return None


def test_none_is_an_answer():
    assert answer_from_own_process(nothing, 0) is None


def mistake(task):
    raise DataError(f"no slices in '{task}'.")


def test_a_mistake_comes_back_as_it_was_raised():
    with pytest.raises(DataError, match="no slices in 'heads'"):
        answer_from_own_process(mistake, "heads")


def kill_yourself(task):
    os.kill(os.getpid(), signal.SIGKILL)


def test_a_kill_is_told():
    with pytest.raises(KilledError, match="SIGKILL"):
        answer_from_own_process(kill_yourself, 0)


def defect(task):
    raise ZeroDivisionError


def test_a_defect_is_no_mistake_of_the_users(capfd):
    with pytest.raises(RuntimeError, match="ended with code 1"):
        answer_from_own_process(defect, 0)
    assert "ZeroDivisionError" in capfd.readouterr().err


def wait_for_file(task):
    number, path, waits = task
    while waits and not path.exists():
        time.sleep(0.01)
    path.touch()
    return number


def test_answers_come_as_they_end_from_so_many_processes_at_a_time(tmp_path):
    # The first waits for the second: were there one process, none would come.
    path = tmp_path / "second"
    tasks = [(1, path, True), (2, path, False), (3, path, True)]
    assert sorted(answers_from_own_processes(wait_for_file, tasks, workers=2)) == [1, 2, 3]
    assert list(answers_from_own_processes(wait_for_file, [], workers=2)) == []


def wait_or_fail(path):
    if path.name == "long":
        path.write_text(str(os.getpid()))
        time.sleep(60)
    while not (path.with_name("long").exists() and path.with_name("long").read_text()):
        time.sleep(0.01)
    raise DataError("no slices.")


def test_a_mistake_ends_the_others(tmp_path):
    answers = answers_from_own_processes(
        wait_or_fail, [tmp_path / "long", tmp_path / "mistake"], workers=2
    )
    with pytest.raises(DataError, match="no slices"):
        next(answers)
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "long").read_text()), 0)


def write_and_wait(path):
    with open(path, "w") as file:  # noqa: PTH123 - a path that travelled as text
        file.write(str(os.getpid()))
    time.sleep(60)


SCRIPT = """
import importlib.util, sys
from mrigen.stages.own_process import answer_from_own_process
sys.path.insert(0, sys.argv[2])
from test_own_process import write_and_wait
if __name__ == "__main__":
    try:
        answer_from_own_process(write_and_wait, sys.argv[1])
    except KeyboardInterrupt:
        print("stopped", flush=True)
"""


def test_ctrl_c_ends_both_without_a_traceback(tmp_path, quiet_environment):
    file, script = tmp_path / "pid", tmp_path / "script.py"
    script.write_text(SCRIPT)
    command = [sys.executable, str(script), str(file), os.path.dirname(__file__)]  # noqa: PTH120
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        start_new_session=True, env=quiet_environment,
    )  # fmt: skip
    end = time.monotonic() + 60
    while not (file.exists() and file.read_text()) and time.monotonic() < end:
        assert process.poll() is None, process.communicate()
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does
    out, err = process.communicate(timeout=30)
    assert (out, err) == ("stopped\n", "")
    with pytest.raises(ProcessLookupError):
        os.kill(int(file.read_text()), 0)
