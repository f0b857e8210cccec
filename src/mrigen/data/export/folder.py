"""The folder of an export: it appears whole, and takes the place of an earlier export alone."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

from mrigen.atomic import atomic_folder
from mrigen.data.store.slice_store import SliceStore
from mrigen.errors import DataError

MANIFEST, MARK = "manifest.csv", "export.json"


@contextmanager
def export_folder(path: Path, store: SliceStore) -> Iterator[Path]:
    """Yield an empty folder that becomes `path` when the block succeeds.

    Parameters
    ----------
    path
        Absent, empty, or an earlier export with nothing added to it or taken away.
    store
        Named in the folder's `export.json`, with the warnings of its split.

    Raises
    ------
    DataError
        If something else stands at `path`.
    """
    _check_free(path)
    with atomic_folder(path) as folder:
        yield folder
        mark = {
            "dataset": store.path.name,
            "fingerprint": store.fingerprint,
            "split": store.split_kind,
            "warnings": list(store.warnings),
            "files": _files_digest(folder),
        }
        (folder / MARK).write_text(json.dumps(mark, indent=2) + "\n", encoding="utf-8")


def _check_free(path: Path) -> None:
    if not path.exists() or (path.is_dir() and not any(path.iterdir())):
        return
    if not path.is_dir():
        raise DataError(f"'{path}' is not a folder: name one that is empty, or not there yet.")
    try:
        mark = json.loads((path / MARK).read_text(encoding="utf-8"))
        ours = mark["files"] == _files_digest(path)
    except (OSError, ValueError, LookupError, TypeError):
        ours = False
    if not ours:
        raise DataError(
            f"'{path}' is not empty and holds more or less than an earlier export: expected an "
            "empty folder. Name another one, or empty it."
        )


def _files_digest(folder: Path) -> str:
    names = sorted(
        entry.relative_to(folder).as_posix()
        for entry in folder.rglob("*")
        if not entry.is_dir() or entry.is_symlink()
    )
    text = "\n".join(name for name in names if name != MARK)
    return sha256(text.encode("utf-8", "surrogateescape")).hexdigest()
