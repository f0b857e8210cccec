"""How a search block is refused: one sentence, with the key in `params.yaml`."""

from typing import NoReturn

from mrigen.errors import ConfigError

_LONGEST = 80


def refuse(model: str, key: str, words: str) -> NoReturn:
    """Refuse a key of a model's search block.

    Raises
    ------
    ConfigError
        Always.
    """
    raise ConfigError(f"params.yaml: 'models.{model}.search.{key}' {words}") from None


def refuse_parameter(model: str, path: str, words: str, key: str | None = None) -> NoReturn:
    """Refuse a searched parameter, or a key of it.

    Raises
    ------
    ConfigError
        Always.
    """
    inside = "" if key is None else f".{key}"
    refuse(model, f"parameters.{path[:_LONGEST]}{inside}", words)
