"""YAML text as nodes that know where they stand; aliases are nodes of their own."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import yaml

_MERGE = "tag:yaml.org,2002:merge"

# An anchor or a tag before a value, and what may stand between them.
_PROPERTIES = re.compile(r"(?:[&!]\S*\s*|#[^\n]*\s*)*")


class Alias(yaml.Node):
    """`*name`: the node that it stands for is its `value`."""

    def __init__(self, node: yaml.Node, event: yaml.AliasEvent) -> None:
        super().__init__("", node, None, None)
        self.start_mark, self.end_mark = event.start_mark, event.end_mark


class _Composer(yaml.SafeLoader):
    """Composes nodes, with an `Alias` where PyYAML puts the node that is meant."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.names: dict[int, str] = {}

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        event: yaml.NodeEvent = self.peek_event()  # type: ignore[no-untyped-call]  # stubs' gap
        node = super().compose_node(parent, index)
        if node is not None and isinstance(event, yaml.AliasEvent):
            return Alias(node, event)
        if node is not None and event.anchor is not None:
            self.names[id(node)] = event.anchor
        return node


@dataclass(frozen=True)
class Document:
    """YAML text and what it is made of.

    Attributes
    ----------
    text
    root
        None if the text holds nothing.
    anchors
        Names of anchored nodes by their `id`.
    """

    text: str
    root: yaml.Node | None
    anchors: Mapping[int, str]

    def content(self, node: yaml.Node) -> tuple[int, int]:
        """Return where a node's own text starts and ends, without an anchor or a tag before it."""
        start, end = node.start_mark.index, node.end_mark.index
        if isinstance(node, yaml.CollectionNode) and not node.flow_style:
            # PyYAML lets a block end where the next thing begins, after comments.
            parts = list(children(node))
            return parts[0].start_mark.index, self.content(parts[-1])[1]
        properties = None if isinstance(node, Alias) else _PROPERTIES.match(self.text, start, end)
        start = properties.end() if properties else start
        if isinstance(node, yaml.ScalarNode) and node.style in {"|", ">"}:
            end = start + len(self.text[start:end].rstrip())
        return start, end


def compose(text: str) -> Document:
    """Read YAML text as nodes.

    Raises
    ------
    yaml.YAMLError
        If it is not YAML.
    """
    composer = _Composer(text)
    try:
        root = composer.get_single_node()
    finally:
        composer.dispose()
    return Document(text, root, composer.names)


def children(node: yaml.CollectionNode) -> Iterator[yaml.Node]:
    """Yield keys and values, or items, in the order of the text."""
    for part in node.value:
        yield from part if isinstance(part, tuple) else (part,)


def target(node: yaml.Node) -> yaml.Node:
    """Return the node that an alias stands for, and any other as it is."""
    return node.value if isinstance(node, Alias) else node


def scalar(node: yaml.Node) -> Any:
    """Return the value of a scalar as PyYAML constructs it."""
    return yaml.constructor.SafeConstructor().construct_object(target(node))


def is_merge(key: yaml.Node) -> bool:
    """Tell whether a key is `<<`."""
    return key.tag == _MERGE


def merged(node: yaml.Node) -> list[yaml.Node]:
    """Return the blocks that the value of `<<` names, the one that wins first."""
    inner = target(node)
    return list(inner.value) if isinstance(inner, yaml.SequenceNode) else [node]


def plain(node: yaml.Node, known: Mapping[int, Any]) -> Any:
    """Return the value of a node, merges done.

    Parameters
    ----------
    node
        Any node.
    known
        Values of some nodes by their `id`, taken in place of what the nodes say.
    """
    node = target(node)
    if id(node) in known:
        return known[id(node)]
    if isinstance(node, yaml.SequenceNode):
        return [plain(item, known) for item in node.value]
    if not isinstance(node, yaml.MappingNode):
        return scalar(node)
    own = {scalar(k): plain(v, known) for k, v in node.value if not is_merge(k)}
    return inherited(node, known) | own


def inherited(node: yaml.MappingNode, known: Mapping[int, Any]) -> dict[Any, Any]:
    """Return what a block takes over from others by `<<`."""
    values: dict[Any, Any] = {}
    for key, value in node.value:
        if is_merge(key):
            for block in reversed(merged(value)):
                values |= plain(block, known)
    return values


def entry(node: yaml.Node | None, key: Any) -> yaml.Node | None:
    """Return the node of a key's value, its own or one taken over by `<<`."""
    if node is None or not isinstance(node := target(node), yaml.MappingNode):
        return None
    found: list[yaml.Node | None] = []
    for name, value in node.value:
        if is_merge(name):
            found += [entry(block, key) for block in merged(value)]
        elif scalar(name) == key:
            return target(value)
    return next((value for value in found if value is not None), None)


def same(first: Any, second: Any) -> bool:
    """Tell whether two plain values are equal and of the same kinds: 1, 1.0 and true differ."""
    if isinstance(first, dict) and isinstance(second, dict):
        return first.keys() == second.keys() and all(
            same(value, second[key]) for key, value in first.items()
        )
    if isinstance(first, list) and isinstance(second, list):
        return len(first) == len(second) and all(map(same, first, second))
    return type(first) is type(second) and (first == second or first != first != second != second)
