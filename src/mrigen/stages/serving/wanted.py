"""Which versions a server should have, as the registry says at this moment."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from mrigen.errors import RegistryError
from mrigen.registry.lookup import RegisteredVersion, champion_versions, find_version
from mrigen.tracking.tracker import Tracker


@dataclass(frozen=True)
class Sighting:
    """What the registry said.

    Attributes
    ----------
    found
        Versions by the reference that named them, in the order in which they are served.
    missing
        Why there is none, by reference.
    """

    found: dict[str, RegisteredVersion] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)


def look(tracker: Tracker, references: Sequence[str]) -> Sighting:
    """Ask the registry.

    Parameters
    ----------
    tracker
        The MLflow store.
    references
        Registered models as NAME@ALIAS, NAME/VERSION or NAME; all champions if there are none.

    Raises
    ------
    TrackingError
        If it cannot be read.
    """
    sighting = Sighting()
    if not references:
        champions = champion_versions(tracker)
        return Sighting({f"{version.name}@champion": version for version in champions})
    for reference in references:
        try:
            sighting.found[reference] = find_version(tracker, reference)
        except RegistryError as error:
            sighting.missing[reference] = str(error)
    return sighting
