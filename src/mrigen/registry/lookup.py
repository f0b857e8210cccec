"""What the registry knows of names, versions and aliases, before any file is looked at."""

import math
import re
from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mrigen.errors import RegistryError, printable
from mrigen.tracking.refusals import tracking_errors
from mrigen.tracking.tracker import Tracker

if TYPE_CHECKING:
    from mlflow.entities.model_registry import ModelVersion, RegisteredModel

CANDIDATE, CHAMPION = "candidate", "champion"
DIGEST_TAG, FILES_TAG = "mrigen.bundle", "mrigen.files"
METRIC_TAG = "metric."  # what the tag of a metric begins with
NAME = r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}"

_REFERENCE = re.compile(rf"({NAME})(?:@([A-Za-z0-9_.-]+)|/([0-9]{{1,9}}))?")


@dataclass(frozen=True)
class RegisteredVersion:
    """One version of a registered model as the registry describes it: nothing is checked yet.

    Attributes
    ----------
    name, version
        What the registry calls it.
    aliases
        Such as `candidate` and `champion`, in alphabetical order.
    digest
        The bundle's identity as it was registered; None for a model of another tool.
    files
        The digests of its files as they were registered, as JSON; None for a version from before
        they were recorded.
    source
        Where its files are, as a URI.
    metrics
        Of its evaluation, the finite ones.
    """

    name: str
    version: int
    aliases: tuple[str, ...]
    digest: str | None
    files: str | None
    source: str = ""
    metrics: Mapping[str, float] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"model '{printable(self.name)[:120]}' version {self.version}"


def find_version(tracker: Tracker, reference: str) -> RegisteredVersion:
    """Find a version.

    Parameters
    ----------
    tracker
        The MLflow store.
    reference
        `name@alias`, `name/version`, or `name` for the champion.

    Raises
    ------
    RegistryError
        If there is no such model, version or alias, listing those there are.
    TrackingError
        If the store cannot be read.
    """
    match = _REFERENCE.fullmatch(reference)
    if match is None:
        raise RegistryError(
            f"'{reference}' does not name a registered model: expected NAME@ALIAS, NAME/VERSION "
            "or NAME, such as 'vae@champion'."
        )
    name, alias, number = match.groups()
    with tracking_errors(tracker.address):
        aliases = aliases_of(tracker, name)
        wanted = int(number) if number else aliases.get(alias or CHAMPION)
        found = None if wanted is None else _version(tracker, name, wanted)
        if found is None:
            asked = f"version {number}" if number else f"alias '{alias or CHAMPION}'"
            raise RegistryError(_missing(tracker, name, asked, aliases))
        return _described(found, aliases)


def champion_versions(tracker: Tracker) -> list[RegisteredVersion]:
    """Return every champion, in the order of their names; those of other tools, too.

    Raises
    ------
    TrackingError
        If the store cannot be read.
    """
    return aliased_versions(tracker, (CHAMPION,))


def aliased_versions(tracker: Tracker, aliases: Collection[str]) -> list[RegisteredVersion]:
    """Return every version that one of `aliases` names, in the order of names and versions.

    Raises
    ------
    TrackingError
        If the store cannot be read.
    """
    with tracking_errors(tracker.address):
        found = []
        for model in _models(tracker):
            known = _numbers(model)
            for number in sorted({known[alias] for alias in aliases if alias in known}):
                version = _version(tracker, model.name, number)
                if version is not None:
                    found.append(_described(version, known))
        return found


def versions_of(tracker: Tracker, name: str) -> "list[ModelVersion]":
    """Return every version of a model as MLflow has it; none if there is no such model."""
    found: list[ModelVersion] = []
    token: str | None = None
    while True:
        page = tracker.client.search_model_versions(f"name='{name}'", page_token=token)
        found += page
        token = page.token
        if not token:
            return found


def aliases_of(tracker: Tracker, name: str) -> dict[str, int]:
    """Return the version each alias of a model stands for; none if there is no such model."""
    from mlflow.exceptions import MlflowException

    try:
        return _numbers(tracker.client.get_registered_model(name))
    except MlflowException as error:
        if error.error_code == "RESOURCE_DOES_NOT_EXIST":
            return {}
        raise


def _numbers(model: "RegisteredModel") -> dict[str, int]:
    return {alias: int(number) for alias, number in model.aliases.items()}


def _models(tracker: Tracker) -> "Iterator[RegisteredModel]":
    token: str | None = None
    while True:
        page = tracker.client.search_registered_models(page_token=token, order_by=["name ASC"])
        yield from page
        token = page.token
        if not token:
            return


def _version(tracker: Tracker, name: str, number: int) -> "ModelVersion | None":
    from mlflow.exceptions import MlflowException

    if number < 1:
        return None
    try:
        return tracker.client.get_model_version(name, str(number))
    except MlflowException as error:
        if error.error_code == "RESOURCE_DOES_NOT_EXIST":
            return None
        raise


def _described(version: "ModelVersion", aliases: Mapping[str, int]) -> RegisteredVersion:
    number, tags = int(version.version), version.tags
    names = tuple(sorted(alias for alias, at in aliases.items() if at == number))
    return RegisteredVersion(
        version.name,
        number,
        names,
        tags.get(DIGEST_TAG),
        tags.get(FILES_TAG),
        str(version.source),
        _metrics(tags),
    )


def _metrics(tags: Mapping[str, str]) -> dict[str, float]:
    found = {}
    for tag, text in tags.items():
        if tag.startswith(METRIC_TAG):
            with suppress(ValueError):  # others may write what they like
                found[tag.removeprefix(METRIC_TAG)] = float(text)
    return {name: value for name, value in found.items() if math.isfinite(value)}


def _missing(tracker: Tracker, name: str, asked: str, aliases: Mapping[str, int]) -> str:
    numbers = sorted(int(one.version) for one in versions_of(tracker, name))
    if not numbers:
        known = ", ".join(f"'{model.name}'" for model in _models(tracker)) or "none yet"
        return (
            f"no model '{name}' is registered in {tracker.address}: there is {known}. "
            f"Run 'mrigen register {name}'."
        )
    listed = ", ".join(str(one) for one in numbers)
    names = ", ".join(f"'{one}' (version {at})" for one, at in sorted(aliases.items())) or "none"
    return (
        f"model '{name}' has no {asked}: its versions are {listed}, its aliases {names}. "
        f"Name one of them, such as '{name}/{numbers[-1]}'."
    )
