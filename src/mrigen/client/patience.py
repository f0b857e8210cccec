"""How long to wait before a question is asked again."""

import random
import time
from email.utils import parsedate_to_datetime
from itertools import count

LEAST_WAIT_S = 0.05
MOST_WAIT_S = 8.0  # between attempts where the server does not say


class Patience:
    """The waits between attempts, bounded by the seconds since the first that failed.

    Parameters
    ----------
    total_s
        No attempt begins later than so many seconds after the first failure.
    """

    def __init__(self, total_s: float) -> None:
        self._total_s = total_s
        self._end: float | None = None
        self._attempts = count()

    def next_wait_s(self, asked_s: float | None = None) -> float | None:
        """Return how long to wait before the next attempt; None if there is to be none.

        Parameters
        ----------
        asked_s
            Seconds the server asked for; by default they double from attempt to attempt.
        """
        now = time.monotonic()
        if self._end is None:
            self._end = now + self._total_s
        seconds = min(0.25 * 2 ** next(self._attempts), MOST_WAIT_S)
        if asked_s is not None:
            seconds = asked_s
        # Clients that were refused together do not come back together.
        seconds = max(seconds, LEAST_WAIT_S) * random.uniform(1, 1.2)
        return seconds if now + seconds <= self._end else None


def retry_after_s(text: str | None) -> float | None:
    """Read a Retry-After header: seconds, or a date; None if it is neither.

    Examples
    --------
    >>> retry_after_s("3"), retry_after_s("soon"), retry_after_s("Thu, 01 Jan 1970 00:00:00 GMT")
    (3.0, None, 0.0)
    """
    if text is None:
        return None
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - time.time())
    except ValueError:
        return None
