"""Values of a YAML text set by their paths."""

from collections.abc import Iterable, Mapping
from itertools import pairwise
from typing import Any

import yaml

from mrigen.config import KeysOnceLoader
from mrigen.errors import ConfigError
from mrigen.yaml_edits.nodes import compose, plain, same
from mrigen.yaml_edits.scalars import Scalar, scalar_text
from mrigen.yaml_edits.splicing import splices

#: Keys of blocks and numbers of items, from the top of the file.
KeyPath = tuple[str | int, ...]

# What PyYAML's constructors stumble over, and text that splices would cut twice.
_TROUBLE = (yaml.YAMLError, ValueError, LookupError, AttributeError, TypeError, RecursionError)


def set_values(
    text: str, changes: Mapping[KeyPath, Scalar], removed: Iterable[KeyPath] = ()
) -> str:
    r"""Set single values of a YAML text and leave every other letter as it is.

    Parameters
    ----------
    text
        A YAML document of plain values.
    changes
        What to set where. Blocks and lists on the way that are not there yet are made.
    removed
        What to take out first; what is not there is no mistake.

    Returns
    -------
    str
        Text with exactly these values changed. A place that took over a block by an alias
        or by `<<` does so still and says itself what it has otherwise; a block that others
        take over is changed without them: they say themselves what they had.

    Raises
    ------
    ConfigError
        If the text is written in a way in which it cannot be edited in place.

    Examples
    --------
    >>> text = "a: &shared { rate: 1.0e-3, depth: 4 } # kept\nb: *shared\n"
    >>> print(set_values(text, {("b", "rate"): 2e-3}), end="")
    a: &shared { rate: 1.0e-3, depth: 4 } # kept
    b: { <<: *shared, rate: 2.0e-3 }
    >>> print(set_values(text, {("a", "rate"): 2e-3}), end="")
    a: &shared { rate: 2.0e-3, depth: 4 } # kept
    b: { <<: *shared, rate: 1.0e-3 }
    """
    removed = tuple(removed)
    try:
        edited = _edited(text, changes, removed)
    except _TROUBLE:
        edited = None
    if edited is None:
        raise ConfigError(_by_hand(changes, removed))
    return edited


def _edited(text: str, changes: Mapping[KeyPath, Scalar], removed: Iterable[KeyPath]) -> str | None:
    """Return the new text, or None if it does not read as it shall."""
    document = compose(text)
    if document.root is None:
        return None
    wanted = plain(document.root, {})
    for path in removed:
        _remove(wanted, path)
    for path, value in changes.items():
        _put(wanted, path, value)
    edited, end = "", 0
    for start, stop, new in sorted(splices(document, document.root, wanted), key=lambda s: s[0]):
        if start < end:
            return None
        edited += text[end:start] + new
        end = stop
    edited += text[end:]
    return edited if same(yaml.load(edited, Loader=KeysOnceLoader), wanted) else None


def _remove(values: Any, path: KeyPath) -> None:
    *way, key = path
    for step in way:
        if not _has(values, step):
            return
        values = values[step]
    if _has(values, key):
        del values[key]


def _has(values: Any, key: str | int) -> bool:
    if isinstance(values, list):
        return isinstance(key, int) and 0 <= key < len(values)
    return isinstance(values, dict) and key in values


def _put(values: Any, path: KeyPath, value: Scalar) -> None:
    for step, following in pairwise(path):
        if not _has(values, step) or values[step] is None:
            _assign(values, step, [] if isinstance(following, int) else {})
        values = values[step]
    _assign(values, path[-1], value)


def _assign(values: Any, key: str | int, value: Any) -> None:
    if isinstance(values, list) and key == len(values):
        values.append(value)
    else:
        values[key] = value


def _by_hand(changes: Mapping[KeyPath, Scalar], removed: Iterable[KeyPath]) -> str:
    advice = [f"remove '{_dotted(path)}'" for path in removed]
    advice += [f"set '{_dotted(path)}' to {scalar_text(new)}" for path, new in changes.items()]
    return (
        "the YAML is written in a way in which values cannot be changed in place: "
        f"{', '.join(advice)} by hand."
    )


def _dotted(path: KeyPath) -> str:
    return ".".join(map(str, path))
