import itertools
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from mrigen.client.patience import LEAST_WAIT_S, MOST_WAIT_S, Patience, retry_after_s


def test_waits_grow_to_a_bound():
    patience = Patience(1000)
    waits = [patience.next_wait_s() for _ in range(9)]
    assert waits[0] < 0.5
    assert all(before < after for before, after in itertools.pairwise(waits[:6]))
    assert MOST_WAIT_S <= waits[-1] <= 1.2 * MOST_WAIT_S


def test_what_the_server_asks_for_counts_and_is_never_nothing():
    assert 3 <= Patience(10).next_wait_s(3) <= 3.6
    assert Patience(10).next_wait_s(0) >= LEAST_WAIT_S
    assert Patience(10).next_wait_s(11) is None


@pytest.mark.parametrize("text", [None, "", "soon", "-1", "1.5", "²"])
def test_what_is_no_time_is_none(text):
    assert retry_after_s(text) is None


def test_a_date_is_seconds_from_now():
    later = format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True)
    assert retry_after_s(later) == pytest.approx(3600, abs=60)
