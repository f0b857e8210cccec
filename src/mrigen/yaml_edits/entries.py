"""Entries put into blocks of keys and taken out of them, with the commas and lines around them."""

import re
from collections.abc import Iterator, Sequence
from itertools import groupby

import yaml

from mrigen.yaml_edits.nodes import Document

#: From, to, and what is put there in place of what stands there.
Splice = tuple[int, int, str]

_COMMA = re.compile(r"\s*,|")
_REST_OF_LINE = re.compile(r"[^\r\n]*")
_REST_OF_LINE_AND_SPACE = re.compile(r"[^\r\n]*\s*")


def change_entries(
    document: Document,
    block: yaml.MappingNode,
    stay: Sequence[bool],
    added: Sequence[str],
    newline: str,
) -> Iterator[Splice]:
    """Yield the splices that take entries out and put others in at the end.

    Parameters
    ----------
    document
    block
    stay
        Which of its entries stay.
    added
        Keys with their values, as text.
    newline
        What ends a line in this document.
    """
    if block.value and not any(stay):
        yield *document.content(block), _joined(block, added, newline)
        return
    end, comma = _place(document, block, -1)[1] if block.value else 0, ", "
    for stays, entries in groupby(range(len(stay)), key=stay.__getitem__):
        if not stays:
            run = list(entries)
            span = _flow_span if block.flow_style else _block_span
            gap = span(document, block, run[0], run[-1])
            yield *gap, ""
            if run[-1] == len(stay) - 1:
                stands = gap[0] == _place(document, block, run[0])[0]
                end, comma = gap[1], "" if stands else comma
    if added:
        yield _insertion(document, block, added, end, comma=comma, newline=newline)


def _insertion(
    document: Document,
    block: yaml.MappingNode,
    added: Sequence[str],
    end: int,
    *,
    comma: str,
    newline: str,
) -> Splice:
    if not block.value:
        brace = block.end_mark.index - 1
        space = "" if document.text[brace - 1].isspace() else " "
        return brace, brace, f"{space}{', '.join(added)} "
    if block.flow_style:
        return end, end, comma + ", ".join(added)
    end = _after(_REST_OF_LINE, document, end)
    start = f"{newline}{' ' * column_of(block)}"
    return end, end, "".join(f"{start}{text}" for text in added)


def column_of(block: yaml.MappingNode) -> int:
    """Return the column in which the keys of a block stand."""
    column: int = block.value[0][0].start_mark.column
    return column


def _joined(block: yaml.MappingNode, added: Sequence[str], newline: str) -> str:
    if not added:
        return "{}"
    if block.flow_style:
        return f"{{ {', '.join(added)} }}"
    return f"{newline}{' ' * column_of(block)}".join(added)


def _place(document: Document, block: yaml.MappingNode, number: int) -> tuple[int, int]:
    key, value = block.value[number]
    return key.start_mark.index, document.content(value)[1]


def _flow_span(
    document: Document, block: yaml.MappingNode, first: int, last: int
) -> tuple[int, int]:
    start, end = _place(document, block, first)[0], _place(document, block, last)[1]
    if last < len(block.value) - 1:
        following = _place(document, block, last + 1)[0]
        if "," in document.text[end:following].partition("\n")[0]:
            # A comment above the next entry stays.
            return start, _after(_REST_OF_LINE_AND_SPACE, document, end, following)
        return start, following
    before = _place(document, block, first - 1)[1]
    # The comma before it goes, too, unless a remark stands behind that.
    if "#" not in document.text[before:start]:
        return before, end
    return start, _after(_COMMA, document, end)


def _block_span(
    document: Document, block: yaml.MappingNode, first: int, last: int
) -> tuple[int, int]:
    start, end = _place(document, block, first)[0], _place(document, block, last)[1]
    if first == 0:
        return start, _after(_REST_OF_LINE_AND_SPACE, document, end)
    before = _place(document, block, first - 1)[1]
    return _after(_REST_OF_LINE, document, before), _after(_REST_OF_LINE, document, end)


def _after(pattern: re.Pattern[str], document: Document, start: int, end: int | None = None) -> int:
    limit = len(document.text) if end is None else end
    match = pattern.match(document.text, start, limit)
    return match.end() if match else start
