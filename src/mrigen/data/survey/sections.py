"""What a page is made of."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from mrigen.page.document import Picture


@dataclass(frozen=True)
class Table:
    """Rows under a header; the first cell of a row is its heading."""

    caption: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True)
class Section:
    """A part of the page.

    Attributes
    ----------
    anchor
        Its address in the page.
    words
        Paragraphs below the title.
    facts
        Labels with their text.
    """

    anchor: str
    title: str
    words: Sequence[str] = ()
    facts: Mapping[str, str] = field(default_factory=dict)
    pictures: Sequence[Picture] = ()
    tables: Sequence[Table] = ()
