"""Python and the packages that mrigen needs."""

import platform
import sys
from collections.abc import Iterator
from importlib import metadata

from mrigen import __version__
from mrigen.stages.doctor.finding import Finding, Question, fault, note, ok

# Whose version decides what was or can be stored.
_NAMED = ("torch", "mlflow", "dvc", "optuna", "numpy", "fastapi")


def check_python(_: Question) -> Iterator[Finding]:
    """Compare Python with what the package asks for."""
    from packaging.specifiers import SpecifierSet

    version = platform.python_version()
    wanted = metadata.metadata("mrigen")["Requires-Python"]
    if SpecifierSet(wanted).contains(version, prereleases=True):
        yield ok("python", f"{version}, mrigen {__version__}, in '{sys.prefix}'")
    else:
        yield fault("python", f"{version}: expected {wanted}", "make an environment with that one")


def check_packages(_: Question) -> Iterator[Finding]:
    """Look for every dependency in its range."""
    from packaging.requirements import Requirement

    problems, there = [], 0
    for text in metadata.requires("mrigen") or []:
        wanted = Requirement(text)
        if wanted.marker is not None and not wanted.marker.evaluate({"extra": ""}):
            continue
        found = _version(wanted.name)
        if found is None:
            problems.append((wanted, "is not installed"))
        elif not wanted.specifier.contains(found, prereleases=True):
            problems.append((wanted, f"is {found}: expected {wanted.specifier}"))
        else:
            there += 1
    for wanted, problem in problems:
        yield fault("packages", f"{wanted.name} {problem}", f"pip install '{wanted}'")
    versions = ", ".join(f"{name} {_version(name) or 'missing'}" for name in _NAMED)
    if not problems:
        yield ok("packages", f"all {there} in their ranges: {versions}")
    else:
        yield note("packages", f"{there} others in their ranges: {versions}")


def check_postgresql(asked: Question) -> Iterator[Finding]:
    """Look for the driver where the storage of studies needs it."""
    storage = asked.environment.get("MRIGEN_TUNING_STORAGE", "")
    if storage.startswith("postgres"):
        found = _version("psycopg")
        if found is None:
            yield fault(
                "packages",
                "MRIGEN_TUNING_STORAGE names PostgreSQL, whose driver psycopg is not installed",
                "pip install 'mrigen[postgresql]'",
            )
        else:
            yield ok("packages", f"psycopg {found} for the studies in PostgreSQL")


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None
