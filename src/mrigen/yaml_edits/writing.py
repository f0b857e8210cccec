"""Whole values as YAML text, which name the blocks that they share."""

from collections.abc import Mapping
from typing import Any

import yaml

from mrigen.yaml_edits.nodes import Document, entry, is_merge, merged, plain, same, target
from mrigen.yaml_edits.scalars import scalar_text

_LINE_LENGTH = 100
_INDENT = 2


class Writer:
    """Writes values for places of one document.

    Parameters
    ----------
    document
    known
        What the nodes that stay will be, by their `id`.
    """

    def __init__(self, document: Document, known: Mapping[int, Any]) -> None:
        self._anchors = document.anchors
        self._known = known
        self.newline = "\r\n" if "\r\n" in document.text else "\n"

    def entry(
        self, key: Any, base: yaml.Node | None, wanted: Any, column: int | None = None
    ) -> str:
        """Write a key and its value: see `value`."""
        name = scalar_text(key)
        indent = None if column is None else (column, column + len(name) + 2)
        text = self.value(base, wanted, indent)
        return f"{name}:{text}" if text.startswith(self.newline) else f"{name}: {text}"

    def value(
        self, base: yaml.Node | None, wanted: Any, indent: tuple[int, int] | None = None
    ) -> str:
        """Write a value.

        Parameters
        ----------
        base
            A node that comes before the place, whose anchor may say most of it.
        wanted
            The value.
        indent
            Columns of the key and of the value, where the value may have lines of its own if it
            is long; it starts with a new line then.
        """
        if base is not None and self._shared(base) and same(plain(base, self._known), wanted):
            return f"*{self._anchors[id(target(base))]}"
        if isinstance(wanted, list):
            items = ", ".join(self.value(None, item) for item in wanted)
            return f"[{items}]"
        if not isinstance(wanted, dict):
            return scalar_text(wanted)
        if not wanted:
            return "{}"
        merge, parts = self._parts(base, wanted)
        flow = ", ".join(merge + [self.entry(*part) for part in parts])
        alone = len(merge) + len(parts) == 1
        if indent is None or alone or indent[1] + len(flow) + 4 <= _LINE_LENGTH:
            return f"{{ {flow} }}"
        column = indent[0] + _INDENT
        lines = merge + [self.entry(*part, column) for part in parts]
        return "".join(f"{self.newline}{' ' * column}{line}" for line in lines)

    def _parts(
        self, base: yaml.Node | None, wanted: dict[Any, Any]
    ) -> tuple[list[str], list[tuple[Any, yaml.Node | None, Any]]]:
        """Return the block to merge, if one says a part of it, and what is left to say."""
        parts = [(key, entry(base, key), value) for key, value in wanted.items()]
        block = self._block_to_merge(base, wanted)
        if block is None:
            return [], parts
        said = plain(block, self._known)
        left = [part for part in parts if part[0] not in said or not same(said[part[0]], part[2])]
        return [f"<<: *{self._anchors[id(block)]}"], left

    def _block_to_merge(
        self, base: yaml.Node | None, wanted: dict[Any, Any]
    ) -> yaml.MappingNode | None:
        """Return the block itself if it has a name, else the one that it takes over."""
        block = target(base) if base is not None else None
        if not isinstance(block, yaml.MappingNode):
            return None
        if self._shared(block) and plain(block, self._known).keys() <= wanted.keys():
            return block
        blocks = [inner for key, value in block.value if is_merge(key) for inner in merged(value)]
        found = (self._block_to_merge(inner, wanted) for inner in blocks)
        return next((inner for inner in found if inner is not None), None)

    def _shared(self, base: yaml.Node) -> bool:
        """Tell whether a node has a name and stays."""
        number = id(target(base))
        return number in self._anchors and number in self._known
