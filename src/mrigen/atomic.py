"""Files and folders that appear whole under their final name, or not at all."""

import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def atomic_file(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; rename it to `path` when the block succeeds.

    A block that raises, or a process that is killed, leaves `path` as it was.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # Not by tempfile: its modes are for its owner alone, and these follow the umask.
    temporary = path.with_name(f".{path.stem}-{secrets.token_hex(6)}{path.suffix}")
    temporary.touch(exist_ok=False)
    try:
        yield temporary
        _flush(temporary)
        temporary.replace(path)
        _flush_folder(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def atomic_folder(path: Path) -> Iterator[Path]:
    """Yield an empty temporary folder beside `path`; it takes the place of `path` at the end.

    A folder that stood at `path` is replaced only when the block succeeds.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}-{secrets.token_hex(6)}")
    temporary.mkdir()
    try:
        yield temporary
        _flush_tree(temporary)
        if path.exists():
            # Between the two renames nothing stands at `path`: a reader may find no folder for a
            # moment, but never half of one. A process killed there leaves the old folder whole,
            # inside the hidden one beside it.
            old = Path(tempfile.mkdtemp(prefix=f".{path.name}-old-", dir=path.parent))
            path.replace(old / path.name)
            temporary.replace(path)
            shutil.rmtree(old)
        else:
            temporary.replace(path)
        _flush_folder(path.parent)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def write_text(path: Path, text: str) -> None:
    """Write `text` to `path` as UTF-8, atomically."""
    with atomic_file(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


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
