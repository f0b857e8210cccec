"""The folder of one cohort: which files lie in it, and which may be read."""

import os
import stat
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from mrigen.data.layouts.config import SourceConfig
from mrigen.data.scans import LeftOut, Scan
from mrigen.data.volumes.headers import check_header
from mrigen.errors import DataError, printable

_NAMED = 5
_SHOWN_LETTERS = 60


class Found(NamedTuple):
    """What a layout finds in a folder.

    Attributes
    ----------
    scans
        One per image, in any order.
    left_out
        Files that belong to the cohort by their place and cannot be used.
    notes
        What a reader should know of the cohort.
    """

    scans: list[Scan]
    left_out: list[LeftOut]
    notes: list[str]


@dataclass(frozen=True)
class Place:
    """The folder of one cohort.

    Attributes
    ----------
    root
        The project's folder; paths of scans are relative to it.
    source
        Key of the source in `params.yaml`.
    config
        Where the folder lies and how it is laid out.
    """

    root: Path
    source: str
    config: SourceConfig
    _taken: dict[tuple[int, int], Path] = field(default_factory=dict, repr=False, compare=False)

    @property
    def folder(self) -> Path:
        """Where the cohort lies."""
        return self.root / self.config.path

    def relative(self, path: Path) -> str:
        """Return a path as scans state it: relative to the project, with forward slashes."""
        return path.relative_to(self.root).as_posix()

    def within(self, path: Path) -> str:
        """Return a path as patterns see it: relative to the cohort, with forward slashes."""
        return path.relative_to(self.folder).as_posix()

    def left_out(self, path: Path, error: DataError) -> LeftOut:
        """Say why a file is not used."""
        return LeftOut(self.relative(path), str(error))

    def take(self, path: Path) -> None:
        """Claim an image for this cohort.

        Raises
        ------
        DataError
            As `check_file`; if the name cannot be printed; or if another name of the same file
            has been taken, since one person would become two.
        """
        if not self.within(path).isprintable():
            raise DataError(
                f"scan '{path.name}' has characters in its name that are not UTF-8 or cannot be "
                "printed: expected an ordinary file name. Rename it."
            )
        status = self.check_file(path)
        first = self._taken.setdefault((status.st_dev, status.st_ino), path)
        if first != path:
            raise DataError(
                f"scan '{path.name}' is the same file as '{self.within(first)}', which is used: "
                "expected each image once. Remove one of the two links."
            )

    def check_file(self, path: Path) -> os.stat_result:
        """Check that a file is an ordinary one and does not lie out of bounds.

        Raises
        ------
        DataError
            If it cannot be looked up, is no file, or is a link out of the cohort and the project.
        """
        try:
            status = path.stat()
        except OSError as error:
            raise DataError(
                f"'{path.name}' cannot be read ({error.strerror}): expected a file. "
                "Copy it again from its source, or correct its name or permissions."
            ) from None
        if not stat.S_ISREG(status.st_mode):
            raise DataError(f"'{path.name}' is not an ordinary file. Move it elsewhere.")
        self.check_link(path)
        return status

    def check_link(self, path: Path) -> None:
        """Raise a `DataError` if a path leads, by links, out of the cohort and the project."""
        if self.config.follow_links:
            return
        target = os.path.realpath(path)
        homes = (os.path.realpath(self.folder), os.path.realpath(self.root))
        if not any(_below(target, home) for home in homes):
            raise DataError(
                f"'{path.name}' is a symbolic link out of the cohort and the project: expected "
                f"its data inside. Copy them here, or set sources.{self.source}.follow_links; "
                "'mrigen data check' follows links with --follow-links."
            )

    def walk(self, *, recursive: bool = True) -> tuple[list[Path], list[LeftOut]]:
        """List the files of the folder, and below it, without hidden ones; loops end.

        Returns
        -------
        files
            Sorted, of all kinds.
        left_out
            Folders that may not be read, and links to folders out of bounds.

        Raises
        ------
        OSError
            If the folder itself cannot be listed.
        """
        files: list[Path] = []
        left_out: list[LeftOut] = []
        home = os.path.realpath(self.folder)
        pending, seen = [self.folder], {home}
        while pending:
            place = pending.pop()
            try:
                entries = visible(place)
            except OSError as error:
                if place == self.folder:
                    raise
                reason = f"folder '{place.name}' cannot be read ({error.strerror}): "
                left_out.append(
                    LeftOut(self.relative(place), reason + "correct its permissions, or remove it.")
                )
                continue
            for entry in entries:
                if not entry.is_dir():
                    files.append(entry)
                elif recursive:
                    try:
                        self._enter(entry, home, pending, seen)
                    except DataError as error:
                        left_out.append(self.left_out(entry, error))
        return sorted(files), left_out

    def _enter(self, folder: Path, home: str, pending: list[Path], seen: set[str]) -> None:
        target = os.path.realpath(folder)
        # What links find inside the cohort is found there without them.
        if _below(target, home) and target != str(Path(home, self.within(folder))):
            return
        self.check_link(folder)
        if target not in seen:
            seen.add(target)
            pending.append(folder)


def visible(folder: Path) -> list[Path]:
    """List a folder, sorted; archives made on a Mac carry a hidden "._" twin of each file."""
    return sorted(path for path in folder.iterdir() if not path.name.startswith("."))


def check_volume(path: Path, max_voxels: int) -> None:
    """Check the header of a file that should hold one volume.

    Raises
    ------
    DataError
        As `check_header`, and if it has a fourth dimension.
    """
    header = check_header(path, max_voxels)
    if header.channels is not None:
        raise DataError(
            f"scan '{path.name}' has four dimensions, shape {(*header.shape, header.channels)}: "
            "expected three. Keep one volume of it, or remove it."
        )


def stem(path: Path) -> str:
    """Return a file's name without `.nii`, `.nii.gz` or its one other ending."""
    name = path.name[:-3] if path.name.lower().endswith(".gz") else path.name
    return name.rpartition(".")[0] or name


def some(names: Iterable[str]) -> str:
    """Name the first few, and count the others; names come from disks and tables."""
    listed = sorted(set(names))
    shown = ", ".join(printable(name)[:_SHOWN_LETTERS] for name in listed[:_NAMED])
    rest = len(listed) - _NAMED
    return shown + (f" and {rest} more" if rest > 0 else "")


def _below(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder.rstrip(os.sep) + os.sep)
