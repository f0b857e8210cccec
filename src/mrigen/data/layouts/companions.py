"""Masks and label maps: the one file that belongs to a scan, found by a pattern."""

from fnmatch import fnmatchcase
from functools import cache
from glob import escape, has_magic
from os.path import lexists
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from mrigen.data.layouts.place import Place, stem, visible
from mrigen.errors import DataError


class Companions(NamedTuple):
    """Paths, relative to the project, of what belongs to a scan; None where there is nothing."""

    mask: str | None
    label: str | None


class CompanionFinder:
    """Finds the mask and the label map of each scan of one cohort.

    Parameters
    ----------
    place
        Of the cohort; its configuration holds the patterns.
    """

    def __init__(self, place: Place) -> None:
        self._place = place
        # Thousands of scans look into the same few folders.
        self._names = cache(_names)

    def find(self, path: Path, subject: str) -> Companions:
        """Find what belongs to the scan `path` of `subject`.

        Raises
        ------
        DataError
            If a pattern matches no file or several, or a file that is out of bounds.
        """
        config = self._place.config
        mask = self._one("masks", config.masks, path, subject)
        optional = config.unlabelled
        label = self._one("labels", config.labels, path, subject, optional=optional)
        return Companions(mask, label)

    def belongs(self, path: Path) -> bool:
        """Whether a file is some scan's mask or label map by its place."""
        config = self._place.config
        return any(
            _matches(self._place.within(path), pattern.format(stem="*", subject="*"))
            for pattern in (config.masks, config.labels)
            if pattern is not None
        )

    def _one(
        self, key: str, pattern: str | None, path: Path, subject: str, *, optional: bool = False
    ) -> str | None:
        if pattern is None:
            return None
        filled = pattern.format(stem=escape(stem(path)), subject=escape(subject))
        matches = self._matching(self._place.folder, PurePosixPath(filled).parts)
        if len(matches) == 1:
            self._place.check_file(matches[0])
            return self._place.relative(matches[0])
        if optional and not matches:
            return None
        found = " and ".join(f"'{match.name}'" for match in matches[:2]) or "nothing"
        raise DataError(
            f"scan '{path.name}' needs one file '{pattern}', and {found} is there: put one file "
            f"there, or correct sources.{self._place.source}.{key}."
        )

    def _matching(self, folder: Path, parts: tuple[str, ...]) -> list[Path]:
        if not parts:
            return [folder]
        if has_magic(parts[0]):
            places = [folder / name for name in self._names(folder) if fnmatchcase(name, parts[0])]
        else:
            # Not a look into the folder: there may be very many names in it.
            places = [folder / parts[0]]
        if len(parts) == 1:
            # A name made of a scan's may be too long for the disk, and is not there then.
            return [place for place in places if lexists(place)]
        return [match for place in places for match in self._matching(place, parts[1:])]


def _names(folder: Path) -> tuple[str, ...]:
    return tuple(path.name for path in visible(folder)) if folder.is_dir() else ()


def _matches(path: str, pattern: str) -> bool:
    parts, patterns = PurePosixPath(path).parts, PurePosixPath(pattern).parts
    return len(parts) == len(patterns) and all(map(fnmatchcase, parts, patterns))
