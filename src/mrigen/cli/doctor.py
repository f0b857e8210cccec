"""The command that looks at an installation, and what it shows."""

import json
import os
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mrigen import __version__

if TYPE_CHECKING:
    from mrigen.stages.doctor import Finding
    from mrigen.stages.doctor.finding import Validator

_SUBJECT = 11  # letters of the longest
_STYLES = {"ok": "green", "note": "yellow", "fault": "bold red"}


@click.command()
@click.option("--server", metavar="URL", help="Look at this running server, too.")
@click.option(
    "--api-key-file",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="The server's key alone in a file; MRIGEN_API_KEY by default.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_context
def doctor(
    ctx: click.Context, server: str | None, api_key_file: Path | None, *, as_json: bool
) -> None:
    """Look at the installation, the project, the registry and the devices.

    Each line says what was found and, where something is amiss, what to do. Nothing is written.
    The exit code is 2 if there is a fault, else 0.

    \b
    Example: mrigen doctor
    """
    from mrigen.client.address import find_key
    from mrigen.stages.doctor import Question, examine

    asked = Question(
        root=ctx.obj["root"],
        environment=dict(os.environ),
        validators=dict(_validators(ctx.find_root().command)),
        server=server,
        api_key=find_key(api_key_file),
    )
    if as_json:
        findings = list(examine(asked))
        told = [asdict(one) for one in findings]
        click.echo(json.dumps({"version": __version__, "findings": told}, indent=2))
    else:
        findings = list(_shown(examine(asked)))
    if any(one.state == "fault" for one in findings):
        ctx.exit(2)


def _shown(findings: "Iterator[Finding]") -> "Iterator[Finding]":
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(highlight=False, markup=False, emoji=False)
    for one in findings:
        words = f"{one.found} -> {one.advice}" if one.advice else one.found
        if console.is_terminal:
            row = Table.grid(padding=(0, 2))
            row.add_column(width=5)
            row.add_column(width=_SUBJECT)
            row.add_row(Text(one.state, _STYLES[one.state]), one.subject, Text(words))
            console.print(row)
        else:
            line = f"{one.state:<5}  {one.subject:<{_SUBJECT}}  {words}"
            console.print(Text(line), soft_wrap=True)
        yield one


def _validators(command: click.Command) -> "Iterator[tuple[str, Validator]]":
    """Yield the variables that commands read, with what checks their text."""
    for parameter in command.params:
        names = parameter.envvar or ()
        for name in [names] if isinstance(names, str) else names:
            yield name, _Checked(parameter)
    for inner in getattr(command, "commands", {}).values():
        yield from _validators(inner)


class _Checked:
    """A parameter as what looks at the text of its variable."""

    def __init__(self, parameter: click.Parameter) -> None:
        self._parameter = parameter

    def __call__(self, text: str) -> str | None:
        """Return what is wrong with the text."""
        try:
            self._parameter.type.convert(text, self._parameter, None)
        except click.BadParameter as error:
            return error.message.rstrip(".")
        return None
