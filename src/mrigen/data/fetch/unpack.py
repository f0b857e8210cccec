"""The tar archive of a cohort to its folder: known names alone, and nothing outside."""

import re
import shutil
import tarfile
from collections.abc import Callable
from pathlib import Path, PurePosixPath

from mrigen.atomic import atomic_folder
from mrigen.data.fetch.published import PublishedCohort
from mrigen.errors import DataError


def unpack(
    archive: Path,
    target: Path,
    cohort: PublishedCohort,
    *,
    report: Callable[[int, int | None], None] = lambda done, total: None,  # noqa: ARG005
) -> int:
    """Unpack an archive to a folder that appears whole or not at all.

    Parameters
    ----------
    archive
        An uncompressed tar file.
    target
        The folder; it takes the place of one that stands there.
    cohort
        Which names belong to it, and how much may be in it.
    report
        Called with the bytes so far and those of the archive.

    Returns
    -------
    How many files were left out, as their names are not the cohort's.

    Raises
    ------
    DataError
        If the archive is damaged, holds more than the cohort does or none of its files, or names a
        file outside, a link or a device.
    """
    seen: set[str] = set()
    ignored = 0
    bytes_out = 0
    total = archive.stat().st_size
    try:
        # Uncompressed alone: what is inside cannot be much larger than the file.
        with tarfile.open(archive, "r:") as tar, atomic_folder(target) as folder:
            for count, member in enumerate(tar, start=1):
                _check_member(member, archive)
                bytes_out += member.size
                _check_amount(count, bytes_out, cohort, archive)
                name = _place(member, cohort)
                if name is None or name in seen:
                    ignored += not member.isdir()
                    continue
                seen.add(name)
                _write(tar, member, folder / name)
                report(member.offset_data + member.size, total)
            if not seen:
                raise DataError(
                    f"'{archive.name}' holds no file of the cohort: expected names such as those "
                    f"of {cohort.folder}. Fetch it again."
                )
    except (tarfile.TarError, EOFError) as error:
        raise DataError(
            f"'{archive.name}' is not a whole, uncompressed tar file ({error}): fetch it again."
        ) from None
    return ignored


def _check_member(member: tarfile.TarInfo, archive: Path) -> None:
    path = PurePosixPath(member.name)
    if path.is_absolute() or ".." in path.parts or "\\" in member.name:
        problem = "which lies outside its folder"
    elif member.issparse() or not (member.isreg() or member.isdir()):
        problem = "which is a link, a device or a file with holes"
    else:
        return
    raise DataError(
        f"'{archive.name}' names {member.name[:100]!a}, {problem}: expected plain files. "
        "Nothing of it was kept; fetch it again from its publisher."
    )


def _check_amount(count: int, size: int, cohort: PublishedCohort, archive: Path) -> None:
    if count > cohort.max_members or size > cohort.max_bytes:
        raise DataError(
            f"'{archive.name}' holds more than {cohort.max_members:,} files or "
            f"{cohort.max_bytes:,} bytes: expected the published cohort. Nothing of it was kept; "
            "fetch it again from its publisher."
        )


def _place(member: tarfile.TarInfo, cohort: PublishedCohort) -> str | None:
    found = re.fullmatch(cohort.members, member.name.removeprefix("./"), re.ASCII)
    return found["name"] if found and member.isreg() else None


def _write(tar: tarfile.TarFile, member: tarfile.TarInfo, path: Path) -> None:
    # The bytes alone: owner, mode and time of the archive stay in it.
    stream = tar.extractfile(member)
    if stream is None:  # only for what `_check_member` refuses
        raise tarfile.ReadError(member.name)
    path.parent.mkdir(exist_ok=True)
    with stream, path.open("xb") as file:
        shutil.copyfileobj(stream, file)
    if path.stat().st_size != member.size:
        raise tarfile.ReadError(f"'{member.name}' ends early")
