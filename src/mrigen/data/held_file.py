"""A file in memory, for readers that otherwise open one from disk."""

from dataclasses import dataclass
from io import BytesIO
from pathlib import Path, PurePath
from typing import Literal


@dataclass(frozen=True)
class HeldFile:
    """The bytes of a file, with as much of a `Path` as readers ask for.

    Attributes
    ----------
    name
        What errors call it; its ending says whether it is gzipped.
    content
        The whole file.
    """

    name: str
    content: bytes

    @property
    def suffix(self) -> str:
        """The ending of its name."""
        return PurePath(self.name).suffix

    def is_fifo(self) -> bool:
        """Say that it is no pipe."""
        return False

    def open(self, _: Literal["rb"]) -> BytesIO:
        """Return a new stream over the bytes, which are not copied."""
        return BytesIO(self.content)


File = Path | HeldFile
