"""What a worker has to say to people, on its way to the process that speaks to them."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Notice:
    """A line that a worker has logged; its parent logs it again.

    Attributes
    ----------
    level
        As of `logging`.
    text
        The line.
    """

    level: int
    text: str
