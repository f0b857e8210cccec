"""A model card: what a model is, what it is for, what it was measured to do, and its limits.

References
----------
The headings are those of Mitchell et al. 2019, doi:10.1145/3287560.3287596.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

_REST = "\nLeft out here: {}. The whole card is in the artifacts.\n"


@dataclass(frozen=True)
class CardSection:
    """A heading and what stands below it, in this order.

    Attributes
    ----------
    facts
        Label to text.
    lines
        Whole sentences.
    header, rows
        A table; none without a header.
    code
        Commands or parameters to copy.
    """

    title: str
    facts: Mapping[str, str] = field(default_factory=dict)
    lines: Sequence[str] = ()
    header: Sequence[str] = ()
    rows: Sequence[Sequence[str]] = ()
    code: str = ""


@dataclass(frozen=True)
class Card:
    """A title and sections, to be shown on a page or written as Markdown."""

    title: str
    sections: Sequence[CardSection]

    def markdown(self, limit: int | None = None) -> str:
        """Return the card as a Markdown document, of at most `limit` characters.

        What does not fit is left out section by section, and that is said.
        """
        parts = [f"# {_plain(self.title)}\n", *map(_markdown, self.sections)]
        text = "\n".join(parts)
        if limit is None or len(text) <= limit:
            return text
        titles = [_plain(section.title) for section in self.sections]
        room = limit - len(_REST.format(", ".join(titles)))
        kept, missing = parts[0], []
        for title, part in zip(titles, parts[1:], strict=True):
            if len(kept) + len(part) + 1 <= room:
                kept += f"\n{part}"
            else:
                missing.append(title)
        return kept + _REST.format(", ".join(missing))


def _markdown(section: CardSection) -> str:
    parts = [f"## {_plain(section.title)}"]
    if section.facts:
        pairs = section.facts.items()
        parts.append("\n".join(f"- **{_plain(label)}**: {_plain(text)}" for label, text in pairs))
    if section.lines:
        parts.append("\n".join(f"- {_plain(line)}" for line in section.lines))
    if section.header:
        rows = [section.header, ["---"] * len(section.header), *section.rows]
        parts.append("\n".join(f"| {' | '.join(map(_plain, row))} |" for row in rows))
    if section.code:
        # A fence longer than any in the code, which cannot end it.
        fence = "`" * max([3, *(len(run) + 1 for run in re.findall("`+", section.code))])
        parts.append(f"{fence}\n{section.code}\n{fence}")
    return "\n\n".join(parts) + "\n"


def _plain(text: str) -> str:
    # What comes from files must not become markup.
    flat = " ".join(text.split())
    for sign in "\\`*_[]<|#":
        flat = flat.replace(sign, f"\\{sign}")
    return flat
