"""Bounds and choices of a search, tried on the model's section one by one."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

from mrigen.errors import ConfigError
from mrigen.tuning.config import ParameterConfig, SearchConfig, Value
from mrigen.tuning.parameter import ends, same, shown
from mrigen.tuning.paths import close_path, is_kind, is_there, leaves, value_at, with_parameters
from mrigen.tuning.search_refusal import refuse, refuse_parameter
from mrigen.tuning.space import Parse, corners, in_order, requirements


def check_values(
    model: str, search: SearchConfig, section: Mapping[str, Any], parse: Parse
) -> None:
    """Refuse places that the section has not, and values that it cannot take there.

    Parameters
    ----------
    model
        Its name, for the error.
    search
        The block, whose conditions have been checked.
    section
        The model's section with defaults.
    parse
        Validates such a section and returns it with defaults; raises a `ConfigError`.

    Raises
    ------
    ConfigError
        Naming the key, its value and what was expected.
    """
    check = _Values(model, search, section, parse)
    for path in in_order(search):
        check.parameter(path)
    for corner in corners(search):
        check.corner(corner)


@dataclass(frozen=True)
class _Values:
    model: str
    search: SearchConfig
    section: Mapping[str, Any]
    parse: Parse

    def parameter(self, path: str) -> None:
        wanted = requirements(self.search, path)
        if wanted is None:
            self._refuse(
                path, "can never exist, as its conditions exclude one another: correct 'when'."
            )
        self._kind(path, self._current(path, wanted))
        for value in _probes(self.search.parameters[path]):
            self._value(path, value, wanted)

    def corner(self, corner: Mapping[str, Value]) -> None:
        """Refuse parameters that do not fit together, though each does alone."""
        try:
            self.parse(with_parameters(self.section, corner))
        except ConfigError as error:
            for path in corner:
                others = {key: value for key, value in corner.items() if key != path}
                where = None if self._holds(path, others) else self._only_where(path)
                if where is not None:
                    self._refuse(path, f"exists with '{where}' alone: say so in its 'when'.")
            listed = ", ".join(f"{path}: {shown(value)}" for path, value in corner.items())
            refuse(
                self.model,
                "parameters",
                f"do not fit together: with {{ {listed} }} {_bare(error)}",
            )

    def _current(self, path: str, wanted: Mapping[str, Value]) -> object:
        """Return what stands at a path where the parameter exists."""
        try:
            section = self.parse(with_parameters(self.section, wanted))
        except ConfigError as error:
            words = f"needs values that do not fit together: {_bare(error)}"
            self._refuse(path, words, "when")
        if not is_there(section, path):
            self._refuse(path, self._unknown(path, section))
        current = value_at(section, path)
        if isinstance(current, Mapping | list):
            places = ", ".join(f"'{leaf}'" for leaf in leaves(current, path))
            advice = f"expected one in it, of {places}." if places else "remove the parameter."
            self._refuse(path, f"is no single value: {advice}")
        return current

    def _unknown(self, path: str, section: Mapping[str, Any]) -> str:
        if (condition := self._only_where(path)) is not None:
            return f"exists with '{condition}' alone: say so in its 'when'."
        keys = path.split(".")
        for count in range(1, len(keys)):
            outer = ".".join(keys[:count])
            if is_there(section, outer) and value_at(section, outer) is None:
                return (
                    f"cannot be searched, as '{outer}' of the model is null: expected a block of "
                    "keys. Give it one, or remove the parameter."
                )
        return f"is not a key of the model: {close_path(path, section) or 'remove it.'}"

    def _only_where(self, path: str) -> str | None:
        """Return the choice of a kind under which a path is there."""
        for kind, parameter in self.search.parameters.items():
            if not is_kind(kind) or parameter.choice is None:
                continue
            fitting = [value for value in parameter.choice if self._holds(path, {kind: value})]
            if fitting and len(fitting) < len(parameter.choice):
                values = ", ".join(map(str, fitting))
                return f"{kind}: {values if len(fitting) == 1 else f'[{values}]'}"
        return None

    def _holds(self, path: str, params: Mapping[str, Value]) -> bool:
        try:
            return is_there(self.parse(with_parameters(self.section, params)), path)
        except ConfigError:
            return False

    def _kind(self, path: str, taken: object) -> None:
        """Refuse a range of the wrong kind of numbers."""
        parameter = self.search.parameters[path]
        if parameter.real and isinstance(taken, int) and not isinstance(taken, bool):
            words = f"is of any numbers, but '{path}' takes whole ones: use 'integer'."
            self._refuse(path, words, "float")
        if parameter.integer and isinstance(taken, float):
            words = f"is of whole numbers, but '{path}' takes any: use 'float'."
            self._refuse(path, words, "integer")

    def _value(self, path: str, value: Value, wanted: Mapping[str, Value]) -> None:
        kind = self.search.parameters[path].kind
        try:
            section = self.parse(with_parameters(self.section, {**wanted, path: value}))
        except ConfigError as error:
            mistake, _, words = str(error).partition(": expected ")
            own = words and mistake.startswith(f"'{path}' is ")
            reason = f": expected {words}" if own else f", with which {_bare(error)}"
            self._refuse(path, f"has {shown(value)}{reason}", kind)
        taken = value_at(section, path)
        self._kind(path, taken)
        if not same(value, taken) or (isinstance(value, float) and isinstance(taken, int)):
            words = f"has {shown(value)}, which the model would take as {shown(taken)}: write that."
            self._refuse(path, words, kind)

    def _refuse(self, path: str, words: str, key: str | None = None) -> NoReturn:
        refuse_parameter(self.model, path, words, key)


def _probes(parameter: ParameterConfig) -> Iterator[Value]:
    """Yield every choice; of a range its ends, and of whole numbers the second one."""
    yield from ends(parameter)
    if parameter.integer is not None:
        # Another step than the field's own shows between the ends.
        low, high = parameter.integer
        second = low + int(parameter.step or 1)
        if second < high:
            yield second


def _bare(error: ConfigError) -> str:
    return str(error).removeprefix("params.yaml: ")
