"""The text of `params.yaml` with other parameters of one model."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from mrigen.config import read_yaml
from mrigen.errors import ConfigError
from mrigen.project import Project, load_project
from mrigen.tuning.config import Value
from mrigen.tuning.paths import KIND, is_kind, value_at
from mrigen.yaml_edits.scalars import scalar_text
from mrigen.yaml_edits.setting import KeyPath, set_values

PARAMS = "params.yaml"

_NOWHERE = object()


def read_text(project: Project) -> str:
    """Return the project's `params.yaml`, with its own line ends."""
    return (project.root / PARAMS).read_bytes().decode("utf-8")


def text_with_parameters(
    project: Project, model: str, params: Mapping[str, Value], text: str
) -> str:
    """Write parameters of one model into the text of `params.yaml`.

    Parameters
    ----------
    project
        As the text says.
    model
        A name under `models:`.
    params
        Values by path.
    text
        What `read_text` returned.

    Returns
    -------
    str
        A text that differs in these parameters alone; `check_text` makes sure of that.

    Raises
    ------
    ConfigError
        If they do not fit the model, or the text cannot be edited in place.
    """
    tuned = project.model_config(model).with_parameters(params)
    now, then = project.model_config(model).section, tuned.section
    written = _section_as_written(project, model)
    # Blocks that become another kind lose their other keys.
    renewed = [path for path in params if is_kind(path) and _at(now, path) != params[path]]
    blocks = tuple(path.removesuffix(KIND) for path in renewed)
    changes: dict[KeyPath, Value] = {}
    for path in params:
        if path.startswith(blocks) or _at(now, path) != value_at(then, path):
            changes |= _placed(written, then, path, params)
    removed = [key for path in renewed for key in _others(written, path)]
    return set_values(
        text,
        {("models", model, *keys): value for keys, value in changes.items()},
        [("models", model, *keys) for keys in removed],
    )


def check_text(project: Project, model: str, params: Mapping[str, Value], edited: str) -> None:
    """Check that a project of the edited text has these parameters, and all else as it was.

    Raises
    ------
    ConfigError
        If it has not, or cannot be loaded.
    """
    models = {**project.params.models, model: project.model_config(model).with_parameters(params)}
    with TemporaryDirectory() as folder:
        (Path(folder) / PARAMS).write_bytes(edited.encode())
        found = load_project(Path(folder)).params
    if found != project.params.model_copy(update={"models": models}):
        listed = ", ".join(f"{path}: {scalar_text(value)}" for path, value in params.items())
        raise ConfigError(
            "params.yaml is written in a way in which these parameters cannot be put in place: "
            f"write '{listed}' by hand."
        )


def _section_as_written(project: Project, model: str) -> Any:
    values: Any = read_yaml(project.root / PARAMS)
    return values["models"][model]


def _at(section: object, path: str) -> object:
    try:
        return value_at(section, path)
    except LookupError:
        return _NOWHERE


def _others(written: Any, path: str) -> Iterator[KeyPath]:
    """Yield the other keys of a block that says at `path` which kind it is."""
    *outer, _ = path.split(".")
    block = _at(written, ".".join(outer))
    if isinstance(block, Mapping):
        yield from ((*outer, key) for key in block if key != KIND)


def _placed(
    written: Any, then: Any, path: str, params: Mapping[str, Value]
) -> dict[KeyPath, Value]:
    """Return what to write where for one parameter; a block that is not there yet comes whole."""
    parts = path.split(".")
    for depth in range(1, len(parts)):
        outer = ".".join(parts[:depth])
        if _at(written, outer) in (None, _NOWHERE):
            inside = [other for other in params if other.startswith(f"{outer}.")]
            kind = f"{outer}.{KIND}"
            paths = [kind, *inside] if _at(then, kind) is not _NOWHERE else inside
            return {key: value for one in paths for key, value in _leaves(then, one, whole=True)}
    return dict(_leaves(then, path, whole=False))


def _leaves(section: Any, path: str, *, whole: bool) -> Iterator[tuple[KeyPath, Value]]:
    """Yield a path as keys with its value; all items of its list if `whole`."""
    *outer, last = path.split(".")
    block: Any = value_at(section, ".".join(outer))
    if isinstance(block, list):
        chosen = range(len(block)) if whole else (int(last),)
        for number in chosen:
            yield (*outer, number), block[number]
    else:
        yield (*outer, last), block[last]
