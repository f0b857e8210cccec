"""Files and folders that appear whole under their final name, or not at all.

What is half done lies beside the final name under a hidden one, locked by the process that works
on it. A killed process leaves it there, unlocked, and the next that writes the same name removes
it.
"""

import os
import re
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from mrigen.locks import hold, try_to_hold

_TOKEN = "[0-9a-f]{12}"


@contextmanager
def atomic_file(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; rename it to `path` when the block succeeds.

    A block that raises, or a process that is killed, leaves `path` as it was.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    _remove_dead_files(path)
    while True:
        # Not by tempfile: its modes are for its owner alone, and these follow the umask.
        temporary = path.with_name(f".{path.stem}-{secrets.token_hex(6)}{path.suffix}")
        temporary.touch(exist_ok=False)
        with hold(temporary) as held:
            if not held:
                continue  # taken for a dead one before it was locked
            try:
                yield temporary
                _flush(temporary)
                temporary.replace(path)
                _flush_folder(path.parent)
            finally:
                temporary.unlink(missing_ok=True)
            return


@contextmanager
def atomic_folder(path: Path) -> Iterator[Path]:
    """Yield an empty temporary folder beside `path`; it takes the place of `path` at the end.

    A folder that stood at `path` is replaced only when the block succeeds.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    _remove_dead_folders(path)
    with _locked_folder(path, "") as temporary:
        yield temporary
        _flush_tree(temporary)
        if path.exists():
            _exchange(temporary, path)
        else:
            temporary.replace(path)
        _flush_folder(path.parent)


def write_text(path: Path, text: str) -> None:
    """Write `text` to `path` as UTF-8, atomically."""
    with atomic_file(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def _exchange(temporary: Path, path: Path) -> None:
    # Between the two renames nothing stands at `path`: a reader may find no folder for a moment,
    # but never half of one. A process killed there leaves the old folder whole, inside the hidden
    # one, from where the next run takes it back.
    with _locked_folder(path, "old-") as aside:
        path.replace(aside / path.name)
        try:
            temporary.replace(path)
        except BaseException:
            (aside / path.name).replace(path)
            raise


@contextmanager
def _locked_folder(path: Path, infix: str) -> Iterator[Path]:
    """Make an empty hidden folder beside `path`; remove it at the end, if it is still there."""
    while True:
        folder = path.with_name(f".{path.name}-{infix}{secrets.token_hex(6)}")
        folder.mkdir()
        with hold(folder) as held:
            if not held:
                continue  # taken for a dead one before it was locked
            try:
                yield folder
            finally:
                shutil.rmtree(folder, ignore_errors=True)
            return


def _remove_dead_folders(path: Path) -> None:
    for folder in _siblings(path, rf"\.{re.escape(path.name)}-(old-)?{_TOKEN}"):
        if folder.is_dir() and not folder.is_symlink():
            with try_to_hold(folder) as held:
                if held:
                    if (folder / path.name).is_dir() and f"{path.name}-old-" in folder.name:
                        _take_back(folder / path.name, path)
                    shutil.rmtree(folder, ignore_errors=True)


def _take_back(old: Path, path: Path) -> None:
    if not path.exists():
        old.replace(path)


def _remove_dead_files(path: Path) -> None:
    for file in _siblings(path, rf"\.{re.escape(path.stem)}-{_TOKEN}{re.escape(path.suffix)}"):
        if file.is_file() and not file.is_symlink():
            with try_to_hold(file) as held:
                if held:
                    file.unlink(missing_ok=True)


def _siblings(path: Path, pattern: str) -> list[Path]:
    matches = re.compile(pattern).fullmatch
    with suppress(OSError):
        return [sibling for sibling in path.parent.iterdir() if matches(sibling.name)]
    return []


def _flush(path: Path) -> None:
    # A rename may reach the disk before the bytes do; after a power cut that is an empty file.
    with path.open("rb") as file:
        os.fsync(file.fileno())


def _flush_tree(folder: Path) -> None:
    for inside, _, names in os.walk(folder):
        for name in names:
            _flush(Path(inside, name))
        _flush_folder(Path(inside))


def _flush_folder(path: Path) -> None:
    # Some file systems cannot flush a folder; the files in it are whole all the same.
    with suppress(OSError):
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
