"""One line of what was found, and what a check may look at."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from mrigen.errors import printable

State = Literal["ok", "note", "fault"]
#: Returns what is wrong with the text of a variable, or None.
Validator = Callable[[str], str | None]

_LENGTH = 400  # of one part of a line


@dataclass(frozen=True)
class Finding:
    """One line.

    Attributes
    ----------
    subject
        What was looked at.
    state
        "ok"; "note" for what may be meant so; "fault" for what will fail.
    found
        What there is.
    advice
        What to do about it.
    """

    subject: str
    state: State
    found: str
    advice: str = ""


@dataclass(frozen=True)
class Question:
    """What is looked at.

    Attributes
    ----------
    root
        The project folder; without a `params.yaml` in it the installation alone is looked at.
    environment
        Variables of the process.
    validators
        The variables that mrigen reads, with what checks their text.
    server
        The address of a running server.
    api_key
        Its key.
    """

    root: Path
    environment: Mapping[str, str]
    validators: Mapping[str, Validator] = field(default_factory=dict)
    server: str | None = None
    api_key: str | None = field(default=None, repr=False)

    @property
    def has_project(self) -> bool:
        """Whether there is a project to look at."""
        return (self.root / "params.yaml").is_file()


def ok(subject: str, found: object) -> Finding:
    """Say that all is well."""
    return Finding(subject, "ok", _line(found))


def note(subject: str, found: object, advice: str = "") -> Finding:
    """Tell what may be meant so."""
    return Finding(subject, "note", _line(found), _line(advice))


def fault(subject: str, found: object, advice: str = "") -> Finding:
    """Tell what will fail."""
    return Finding(subject, "fault", _line(found), _line(advice))


def _line(text: object) -> str:
    return printable(" ".join(str(text).split()))[:_LENGTH]
