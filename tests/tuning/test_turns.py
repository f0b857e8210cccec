"""Work under a storage's lock begins again where the lock was lost, and not without end."""

from contextlib import contextmanager

import pytest

from mrigen.errors import ConnectionLostError, TuningError
from mrigen.tuning.turns import in_turn


class Storage:
    """Has a lock that says when it is held."""

    held = 0

    @contextmanager
    def exclusive(self):
        self.held += 1
        try:
            yield
        finally:
            self.held -= 1


def work_of(storage, losses, error=ConnectionLostError):
    """Work that loses the lock so many times."""
    left, done = list(range(losses)), []

    def work():
        assert storage.held == 1
        done.append(len(done))
        if left:
            left.pop()
            raise error("lost")
        return "result"

    return work, done


@pytest.mark.parametrize("losses", [0, 1, 4])
def test_what_was_cut_off_begins_again(losses):
    storage = Storage()
    work, done = work_of(storage, losses)

    assert in_turn(storage, work) == "result"
    assert len(done) == losses + 1
    assert storage.held == 0


def test_after_five_losses_it_is_told():
    storage = Storage()
    work, done = work_of(storage, 99)

    with pytest.raises(ConnectionLostError):
        in_turn(storage, work)
    assert len(done) == 5
    assert storage.held == 0


def test_other_errors_are_told_at_once():
    storage = Storage()
    work, done = work_of(storage, 1, TuningError)

    with pytest.raises(TuningError):
        in_turn(storage, work)
    assert len(done) == 1
