"""The table of checks, and how they are run: one that breaks does not stop the others."""

import contextlib
import logging
import os
import warnings
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from importlib import import_module

from mrigen.errors import MrigenError
from mrigen.stages.doctor.finding import Finding, Question, fault, note


@dataclass(frozen=True)
class _Check:
    """A function of a module of this folder, imported when its turn comes."""

    subject: str
    module: str
    function: str
    needs: Callable[[Question], object] = lambda _: True


def _project(asked: Question) -> bool:
    return asked.has_project


_CHECKS = (
    _Check("python", "packages", "check_python"),
    _Check("packages", "packages", "check_packages"),
    _Check("packages", "packages", "check_postgresql"),
    _Check("torch", "computing", "check_torch"),
    _Check("device", "computing", "check_devices"),
    _Check("device", "computing", "check_chosen_device"),
    _Check("machine", "machine", "check_cores"),
    _Check("machine", "machine", "check_memory"),
    _Check("disk", "machine", "check_folders"),
    _Check("environment", "environment", "check_variables"),
    _Check("keys", "environment", "check_keys"),
    _Check("tools", "tools", "check_tools"),
    _Check("project", "project_files", "check_project", _project),
    _Check("store", "store", "check_tracking_store", _project),
    _Check("registry", "registered", "check_registry", _project),
    _Check("server", "server", "check_server", lambda asked: asked.server),
)


def examine(asked: Question) -> Iterator[Finding]:
    """Look at everything, and yield what is found while it is found.

    Nothing is written; bundles of a remote registry are kept in the cache, as `mrigen serve`
    keeps them.
    """
    if not asked.has_project:
        yield note(
            "project",
            f"no params.yaml in '{asked.root.resolve()}': the installation alone is looked at",
            "name a project folder with --project",
        )
    for check in _CHECKS:
        if check.needs(asked):
            yield from _isolated(check, asked)


def _isolated(check: _Check, asked: Question) -> Iterator[Finding]:
    try:
        with _quiet():
            run: Callable[[Question], Iterable[Finding]] = getattr(
                import_module(f"mrigen.stages.doctor.{check.module}"), check.function
            )
            found = list(run(asked))
    except MrigenError as error:
        found = [fault(check.subject, error)]
    # Whatever breaks here is what was asked for: a doctor tells it and looks further.
    except Exception as error:
        found = [
            fault(
                check.subject,
                f"looking at it failed with {type(error).__name__}: {error}",
                "mend the installation, with 'pip install --force-reinstall' of what is named",
            )
        ]
    yield from found


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    # Libraries warn of what a finding says better.
    with (
        warnings.catch_warnings(),
        open(os.devnull, "w", encoding="utf-8") as nowhere,  # noqa: PTH123 - no path of a disk
        contextlib.redirect_stderr(nowhere),
    ):
        warnings.simplefilter("ignore")
        before = logging.root.manager.disable
        logging.disable(logging.CRITICAL)
        try:
            yield
        finally:
            logging.disable(before)
