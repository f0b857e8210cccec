"""Cores, memory and room on disks, as far as this process may use them."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from mrigen.stages.doctor.finding import Finding, Question, fault, note, ok

CONTROL_GROUP = Path("/sys/fs/cgroup")
MEMORY = Path("/proc/meminfo")

_GIBIBYTE = 2**30
_LITTLE_MEMORY = 2 * _GIBIBYTE
_LITTLE_ROOM = 2 * _GIBIBYTE
_NO_ROOM = _GIBIBYTE // 16


def check_cores(_: Question) -> Iterator[Finding]:
    """Count the cores that may be used."""
    from mrigen.serving.engine.cores import lanes_for

    cores, there = lanes_for("cpu"), os.cpu_count() or 1
    yield ok("machine", f"{cores} of {there} cores" if cores != there else f"{cores} cores")


def check_memory(_: Question) -> Iterator[Finding]:
    """Ask how much memory is free."""
    free = _free_memory()
    if free is None:
        yield ok("machine", "how much memory is free is not readable here")
        return
    words = f"{free / _GIBIBYTE:.1f} GiB of memory free"
    if free < _LITTLE_MEMORY:
        yield note("machine", words, "end other programs, or give the container more")
    else:
        yield ok("machine", words)


def check_folders(asked: Question) -> Iterator[Finding]:
    """Ask where files can be written, and how large they may be."""
    from mrigen.registry.fetching import cache_folder

    temporary, wanted = _temporary_folder(), asked.environment.get("TMPDIR")
    if wanted and temporary is not None and temporary != Path(wanted).absolute():
        yield note(
            "disk",
            f"TMPDIR is '{wanted}', which cannot be written: '{temporary}' is taken instead",
            "make room there, or name another folder",
        )
    places = {"the temporary folder": temporary, "the cache": cache_folder()}
    if asked.has_project:
        places = {"the project": asked.root.resolve(), **places}
    for words, place in places.items():
        yield _folder(words, place)


def _folder(words: str, place: Path | None) -> Finding:
    if place is None:
        return fault("disk", "no temporary folder can be written", "set TMPDIR to one that can")
    there = next(folder for folder in (place, *place.parents) if folder.exists())
    if not (there.is_dir() and os.access(there, os.W_OK | os.X_OK)):
        return _unwritable(words, there)
    free = shutil.disk_usage(there).free
    room = f"{words} at '{there}' has {free / _GIBIBYTE:.1f} GiB free"
    if free < _NO_ROOM:
        return fault("disk", room, "remove files there, or name another place")
    if free < _LITTLE_ROOM:
        return note("disk", room, "remove files there before you train or draw much")
    return ok("disk", room)


def _unwritable(words: str, place: Path) -> Finding:
    found = f"{words} at '{place}' cannot be written"
    if words == "the temporary folder":
        return fault("disk", found, "set TMPDIR to one that can")
    return note("disk", found, "that is enough to serve; make it writable to do more")


def _temporary_folder() -> Path | None:
    try:
        return Path(tempfile.gettempdir())
    except FileNotFoundError:
        return None


def _free_memory() -> int | None:
    free = [one for one in (_free_on_machine(), _free_in_group()) if one is not None]
    return min(free, default=None)


def _free_on_machine() -> int | None:
    try:
        lines = MEMORY.read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    found = [line.split()[1] for line in lines if line.startswith("MemAvailable:")]
    return int(found[0]) * 1024 if found else None


def _free_in_group() -> int | None:
    try:
        most = int((CONTROL_GROUP / "memory.max").read_text(encoding="ascii"))
        used = int((CONTROL_GROUP / "memory.current").read_text(encoding="ascii"))
        kept = (CONTROL_GROUP / "memory.stat").read_text(encoding="ascii").split()
        # Files that were read count as used and are given back when memory is needed.
        cached = int(kept[kept.index("inactive_file") + 1])
    except (OSError, ValueError):
        return None
    return most - used + cached
