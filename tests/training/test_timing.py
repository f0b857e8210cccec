"""Clocks and the memory of a process."""

import subprocess
import sys

import pytest
import torch

from mrigen.training import timing
from mrigen.training.timing import Stopwatch, time_calls

CPU = torch.device("cpu")


def test_pace_is_that_of_the_middle_window_and_leaves_the_warm_up_out(monkeypatch):
    clock = [0.0]
    monkeypatch.setattr(timing.time, "perf_counter", lambda: clock[0])
    seconds = iter([100, 100, 1, 3, 2, 2, 10, 30])

    def call():
        clock[0] += next(seconds)

    pace = time_calls(call, device=CPU, warm_up=2, windows=3, calls=2)
    assert pace == (2, 2, 20)
    assert next(seconds, None) is None


def test_a_paused_stopwatch_stands_still_and_goes_on(monkeypatch):
    clock = [0.0]
    monkeypatch.setattr(timing.time, "perf_counter", lambda: clock[0])
    watch = Stopwatch(seconds=10)
    clock[0] = 1
    with watch.paused():
        clock[0] = 50
        assert watch.seconds == 11
    clock[0] = 52
    assert watch.seconds == 13


INNER = """
import sys, torch
from mrigen.training import timing
if sys.argv[1] == "rusage": timing._STATUS = timing.Path("/nowhere")
print(timing.peak_memory_gib(torch.device("cpu")))
"""
OUTER = """
import subprocess, sys
held = bytearray(b"x") * 900_000_000
subprocess.run([sys.executable, "-c", sys.argv[1], sys.argv[2]], check=True)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no inherited peak")
def test_peak_of_memory_is_not_that_of_the_process_it_was_started_by(quiet_environment):
    command = [sys.executable, "-c", OUTER, INNER, "status"]
    answer = subprocess.run(
        command, check=True, capture_output=True, text=True, env=quiet_environment
    )
    assert 0.05 < float(answer.stdout) < 0.8
