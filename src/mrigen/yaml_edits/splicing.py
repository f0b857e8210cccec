"""The splices that turn a document into one with other values."""

from collections.abc import Iterator
from typing import Any

import yaml

from mrigen.yaml_edits.entries import Splice, change_entries, column_of
from mrigen.yaml_edits.nodes import (
    Alias,
    Document,
    entry,
    inherited,
    is_merge,
    merged,
    plain,
    same,
    scalar,
    target,
)
from mrigen.yaml_edits.scalars import scalar_text
from mrigen.yaml_edits.writing import Writer


def splices(document: Document, root: yaml.Node, wanted: Any) -> Iterator[Splice]:
    """Yield what to put where, so that the text reads as `wanted`.

    A place that takes over a block by an alias or by `<<` does so still, and says itself what
    it has otherwise than the block will have.
    """
    known: dict[int, Any] = {}
    _foresee(root, wanted, known)
    return _Splicer(document, known).settle(root, wanted)


def _foresee(node: yaml.Node, wanted: Any, known: dict[int, Any]) -> None:
    """Note the values that nodes will have, of those nodes whose text stays."""
    if isinstance(node, Alias) or not _of_one_kind(node, wanted):
        return
    known[id(node)] = wanted
    if isinstance(node, yaml.SequenceNode):
        for item, value in zip(node.value, wanted, strict=True):
            _foresee(item, value, known)
    elif isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if is_merge(key):
                _foresee(value, plain(value, known), known)
            elif (name := scalar(key)) in wanted:
                _foresee(value, wanted[name], known)


def _of_one_kind(node: yaml.Node, wanted: Any) -> bool:
    if isinstance(node, yaml.MappingNode):
        return isinstance(wanted, dict)
    if isinstance(node, yaml.SequenceNode):
        return isinstance(wanted, list) and len(wanted) == len(node.value)
    return not isinstance(wanted, dict | list)


class _Splicer:
    def __init__(self, document: Document, known: dict[int, Any]) -> None:
        self._document = document
        self._known = known
        self._writer = Writer(document, known)

    def settle(self, node: yaml.Node, wanted: Any) -> Iterator[Splice]:
        """Yield the splices of a node outside a block of lines."""
        start, end = self._document.content(node)
        if isinstance(node, Alias):
            if not self._holds(node, wanted):
                yield start, end, self._writer.value(node, wanted)
        elif id(node) not in self._known:
            yield node.start_mark.index, end, self._writer.value(None, wanted)
        elif isinstance(node, yaml.MappingNode):
            yield from self._settle_block(node, wanted)
        elif isinstance(node, yaml.SequenceNode):
            for item, value in zip(node.value, wanted, strict=True):
                yield from self.settle(item, value)
        elif not same(scalar(node), wanted):
            text = scalar_text(wanted, like=self._document.text[start:end])
            yield start, end, text if start < end else f" {text}"

    def _settle_entry(
        self, block: yaml.MappingNode, key: yaml.Node, value: yaml.Node, wanted: Any
    ) -> Iterator[Splice]:
        # What an alias gave may need lines of its own now.
        if block.flow_style or not isinstance(value, Alias) or self._holds(value, wanted):
            yield from self.settle(value, wanted)
        else:
            start, end = self._document.content(value)
            indent = key.start_mark.column, value.start_mark.column
            text = self._writer.value(value, wanted, indent)
            if text.startswith(self._writer.newline):
                start = self._document.text.rindex(":", 0, start) + 1
            yield start, end, text

    def _settle_block(self, block: yaml.MappingNode, wanted: dict[Any, Any]) -> Iterator[Splice]:
        taken = inherited(block, self._known)
        apart = not self._merges(block) or not taken.keys() <= wanted.keys()
        stay = [not apart if is_merge(key) else scalar(key) in wanted for key, _ in block.value]
        own = set()
        for (key, value), stays in zip(block.value, stay, strict=True):
            if not is_merge(key):
                own.add(scalar(key))
                if stays:
                    yield from self._settle_entry(block, key, value, wanted[scalar(key)])
        column = None if block.flow_style or not block.value else column_of(block)
        missing = [
            self._writer.entry(name, entry(block, name), value, column)
            for name, value in wanted.items()
            if name not in own and (apart or name not in taken or not same(taken[name], value))
        ]
        if missing or not all(stay):
            yield from change_entries(self._document, block, stay, missing, self._writer.newline)

    def _holds(self, alias: Alias, wanted: Any) -> bool:
        """Tell whether an alias will still give what is wanted."""
        stays = id(target(alias)) in self._known
        return stays and same(plain(alias, self._known), wanted)

    def _merges(self, block: yaml.MappingNode) -> bool:
        """Tell whether the blocks that a block takes over will still be there."""
        return all(
            id(target(taken)) in self._known
            for key, value in block.value
            if is_merge(key)
            for taken in merged(value)
        )
