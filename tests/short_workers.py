"""Workers that end at once, each in a way of its own; they import nothing that takes long."""

import logging
import os
import signal
import time
from dataclasses import dataclass

from mrigen.errors import DataError
from mrigen.stages.tuning.notice import Notice


@dataclass(frozen=True)
class Told:
    """What a worker is told."""

    threads: int = 1


def end(told, sender):
    """Do nothing."""


def be_killed(told, sender):
    os.kill(os.getpid(), signal.SIGKILL)


def refuse(told, sender):
    sender.send(DataError("the slices are gone."))


def refuse_alone(told, sender):
    if told.threads > 1:
        hang(told, sender)
    refuse(told, sender)


def break_down(told, sender):
    raise SystemExit(3)


def hang(told, sender):
    time.sleep(600)


def say_threads(told, sender):
    sender.send(Notice(logging.WARNING, f"threads: {os.environ['OMP_NUM_THREADS']}"))
