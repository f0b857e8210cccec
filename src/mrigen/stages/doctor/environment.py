"""Variables that mrigen reads, and keys."""

from collections.abc import Iterator
from difflib import get_close_matches
from pathlib import Path

from mrigen.stages.doctor.finding import Finding, Question, fault, note, ok

_PREFIX = "MRIGEN_"
# Read by a library function and not by a command.
_OTHERS = {"MRIGEN_API_KEY"}


def check_variables(asked: Question) -> Iterator[Finding]:
    """Look for variables that are unknown or cannot be used; their values are not shown."""
    known = {*asked.validators, *_OTHERS}
    there = sorted(name for name in asked.environment if name.startswith(_PREFIX))
    good = []
    for name in there:
        if name not in known:
            close = get_close_matches(name, known, n=1)
            meant = f"perhaps '{close[0]}' is meant" if close else "unset it"
            yield note("environment", f"'{name}' is no variable of mrigen", meant)
            continue
        problem = (
            asked.validators[name](asked.environment[name]) if name in asked.validators else ""
        )
        if problem:
            yield fault("environment", f"{name}: {problem}", "correct it, or unset it")
        else:
            good.append(name)
    if good or not there:
        yield ok("environment", ", ".join(good) or f"no variable {_PREFIX}* is set")


def check_keys(asked: Question) -> Iterator[Finding]:
    """Read the keys that a server would take; they are not shown."""
    from mrigen.serving.keys import find_keys

    name = asked.environment.get("MRIGEN_API_KEYS")
    path = Path(name) if name else None
    if find_keys(path, asked.environment) is None:
        yield ok("keys", "none: a server starts for this machine alone")
    elif path is None:
        yield ok("keys", "one in MRIGEN_API_KEY")
    elif path.stat().st_mode & 0o077:
        mode = f"{path.stat().st_mode & 0o777:o}"
        yield note(
            "keys",
            f"others on this machine may read the key file '{path}' (mode {mode})",
            f"chmod 600 '{path}'",
        )
    else:
        yield ok("keys", f"in '{path}', which its owner alone can read")
