"""The results of `flow_comparison.py` on disk, so that no contender is trained twice."""

import json
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from flow_training import Trained

from mrigen.atomic import atomic_file, write_text

#: Name of the file with the numbers of all, which is no contender's.
COMPARISON = "comparison"


def identity_of(protocol: dict[str, Any], recipe: dict[str, Any]) -> str:
    """Return what tells one contender's training apart from any other.

    Parameters
    ----------
    protocol
        What all contenders have in common.
    recipe
        What the contender is; the number of its epochs, which follows from the budget, left out.
    """
    return sha256(json.dumps([protocol, recipe], sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True)
class Result:
    """What a training came to.

    Attributes
    ----------
    name, identity
        The contender, and what it depends on.
    protocol, recipe
        As of `identity_of`.
    commit
        Of the code that trained it; the identity does not know it.
    seconds, images, parameters, details
        As of `Trained`; zeros where it diverged.
    draw_seconds
        Of drawing 64 images, by the names of the ways to draw.
    failure
        Why there is nothing to judge; None where there is.
    """

    name: str
    identity: str
    protocol: dict[str, Any]
    recipe: dict[str, Any]
    commit: str | None
    seconds: float = 0.0
    images: int = 0
    parameters: int = 0
    details: dict[str, Any] = field(default_factory=dict)
    draw_seconds: dict[str, float] = field(default_factory=dict)
    failure: str | None = None


class Results:
    """A folder with a file per contender, and the images it drew.

    Parameters
    ----------
    folder
        Made if it is not there.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def names(self) -> list[str]:
        """Return the contenders that have a result."""
        return sorted(path.stem for path in self.folder.glob("*.json") if path.stem != COMPARISON)

    def find(self, name: str) -> Result | None:
        """Return the result of a contender, if it has one."""
        path = self._path(name)
        return Result(**json.loads(path.read_text())) if path.exists() else None

    def images(self, name: str, way: str) -> npt.NDArray[np.uint8]:
        """Return the images that a contender drew in one of its ways."""
        drawn: npt.NDArray[np.uint8] = np.load(self._images(name, way), allow_pickle=False)
        return drawn

    def keep(self, result: Result, drawn: dict[str, npt.NDArray[np.uint8]]) -> None:
        """Write a result, and its images by the ways in which they were drawn, before it."""
        for way, images in drawn.items():
            with atomic_file(self._images(result.name, way)) as part, part.open("wb") as file:
                np.save(file, images)
        write_text(self._path(result.name), json.dumps(asdict(result), indent=2) + "\n")

    def _path(self, name: str) -> Path:
        return self.folder / f"{name}.json"

    def _images(self, name: str, way: str) -> Path:
        return self.folder / f"{'.'.join(filter(None, (name, way)))}.npy"


def finished(result: Result, trained: Trained, draw_seconds: dict[str, float]) -> Result:
    """Return a result with what its training came to."""
    return Result(
        *(result.name, result.identity, result.protocol, result.recipe, result.commit),
        seconds=trained.seconds,
        images=trained.images,
        parameters=trained.parameters,
        details=trained.details,
        draw_seconds=draw_seconds,
    )
