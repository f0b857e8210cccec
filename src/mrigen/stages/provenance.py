"""Which code, which data: what every run and every bundle can be traced to."""

import subprocess
from hashlib import sha256
from pathlib import Path
from typing import Any

import mrigen
from mrigen.config import read_yaml
from mrigen.errors import ConfigError


def git_commit(root: Path) -> str | None:
    """Return the commit of the project folder, with "-dirty" if tracked files differ from it."""
    commit = _git(root, "rev-parse", "HEAD")
    if commit is None:
        return None
    # DVC rewrites its lock while the pipeline runs; that is a result, not a change of the code.
    paths = ("--", ".", ":!dvc.lock")
    changed = _git(root, "status", "--porcelain", "--untracked-files=no", *paths)
    return f"{commit}-dirty" if changed else commit


def dvc_hash(root: Path) -> str | None:
    """Return the hash under which DVC versions the raw data, as `data.dvc` has it."""
    try:
        tracked: Any = read_yaml(root / "data.dvc")
        return str(tracked["outs"][0]["md5"])
    except (ConfigError, KeyError, IndexError, TypeError):
        return None  # not under DVC


def source_hash(*places: str) -> str:
    """Return a hash of mrigen's own source in these files and folders of the package."""
    package = Path(mrigen.__file__).parent
    total = sha256()
    for place in places:
        path = package / place
        for file in [path] if path.is_file() else sorted(path.rglob("*.py")):
            total.update(f"{file.relative_to(package).as_posix()}\0".encode())
            total.update(file.read_bytes())
    return total.hexdigest()


def _git(root: Path, *words: str) -> str | None:
    command = ["git", "-C", str(root), *words]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, check=True, timeout=20)
    except (OSError, subprocess.SubprocessError):
        return None  # no git here, or no repository: a bundle can be made without either
    return answer.stdout.strip()
