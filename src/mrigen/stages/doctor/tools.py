"""Programs that are called by their names."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from mrigen.stages.doctor.finding import Finding, Question, note, ok

_SECONDS = 5.0


def check_tools(asked: Question) -> Iterator[Finding]:
    """Look for git, DVC and mrigen itself on the path."""
    for name, need in (("dvc", "'dvc repro' runs the pipeline"), ("mrigen", "DVC calls it")):
        path = shutil.which(name, path=asked.environment.get("PATH"))
        if path is not None:
            yield ok("tools", f"{name} at '{path}'")
        elif (Path(sys.executable).parent / name).exists():
            yield note(
                "tools",
                f"'{name}' is beside Python but not on the PATH ({need})",
                f"activate the environment of '{sys.prefix}'",
            )
        else:
            yield note("tools", f"'{name}' is not there ({need})", f"pip install {name}")
    yield _git(asked)


def _git(asked: Question) -> Finding:
    command = shutil.which("git", path=asked.environment.get("PATH"))
    if command is None:
        return note(
            "tools",
            "git is not there, so that bundles do not say which code they came from",
            "install git",
        )
    words = [command, "-C", str(asked.root), "rev-parse", "--is-inside-work-tree"]
    try:
        answer = subprocess.run(
            words, capture_output=True, text=True, check=False, timeout=_SECONDS
        )
    except (OSError, subprocess.SubprocessError) as error:
        return note("tools", f"git at '{command}' does not answer ({error})", "install git anew")
    if asked.has_project and answer.stdout.strip() != "true":
        reason = answer.stderr.strip() or "not a repository"
        return note("tools", f"git does not know the project: {reason}", "git init")
    return ok("tools", f"git at '{command}'")
