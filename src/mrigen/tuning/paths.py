"""Places in a model's section by paths, such as `network.latent_size` or `training.betas.0`."""

from collections.abc import Iterator, Mapping, MutableMapping
from copy import deepcopy
from difflib import get_close_matches
from typing import Any

from mrigen.errors import ConfigError
from mrigen.tuning.config import Value

#: Blocks of a section that a search may change.
ROOTS = ("network", "objective", "training")

#: Keys of a section that decide the weights.
TRAINED = (*ROOTS, "corruption")

_LONGEST = 80

# The key by which a block of several kinds says which it is.
KIND = "name"


def value_at(section: object, path: str) -> object:
    """Return what stands at a path.

    Raises
    ------
    LookupError
        If nothing does.
    """
    for key in path.split("."):
        section = _inside(section, key)
    return section


def is_there(section: object, path: str) -> bool:
    """Whether something stands at a path, be it null."""
    try:
        value_at(section, path)
    except LookupError:
        return False
    return True


def with_parameters(section: Mapping[str, Any], params: Mapping[str, Value]) -> dict[str, Any]:
    """Return a copy of a section with values put in by path.

    A block that becomes another kind (a path that ends in `.name` takes another value) loses its
    other keys, so that the defaults of its new kind come in where `params` say nothing.

    Raises
    ------
    ConfigError
        If the section has no such place.
    """
    changed = deepcopy(dict(section))
    # Kinds first, the outer before the inner ones: another kind has other keys.
    for path in sorted(params, key=lambda path: (not is_kind(path), path.count("."))):
        _put(changed, path, params[path])
    return changed


def is_kind(path: str) -> bool:
    """Whether a path says which kind a block is."""
    return path.endswith(f".{KIND}")


def leaves(values: object, path: str) -> Iterator[str]:
    """Yield the paths of all single values in what stands at a path."""
    inside = dict(enumerate(values)) if isinstance(values, list) else values
    if isinstance(inside, Mapping):
        for key, value in inside.items():
            yield from leaves(value, f"{path}.{key}")
    else:
        yield path


def close_path(path: str, section: Mapping[str, Any]) -> str | None:
    """Return a question about the path that was meant, if one comes close."""
    known = [leaf for root in ROOTS for leaf in leaves(section[root], root)]
    close = get_close_matches(path[:_LONGEST], known, n=1, cutoff=0.7)
    return f"did you mean '{close[0]}'?" if close else None


def _put(section: dict[str, Any], path: str, value: Value) -> None:
    *outer, last = path.split(".")
    block: Any = section
    try:
        for key in outer:
            if isinstance(block, MutableMapping):
                block.setdefault(key, {})  # a block of defaults
            block = _inside(block, key)
        if isinstance(block, list):
            _inside(block, last)
            block[int(last)] = value
            return
        if last == KIND and block.get(KIND) != value:
            block.clear()
        block[last] = value
    except (LookupError, AttributeError, TypeError):
        raise ConfigError(
            f"the parameter '{path}' has no place in the model's section: expected a block or a "
            "list that holds it. Correct the path."
        ) from None


def _inside(section: object, key: str) -> object:
    if isinstance(section, Mapping):
        return section[key]
    # One spelling for one place.
    if isinstance(section, list | tuple) and key.isdecimal() and key == str(int(key)):
        return section[int(key)]
    raise LookupError(key)
