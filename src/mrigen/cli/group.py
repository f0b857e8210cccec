"""What every command shares: errors as one line, the project, the order of the help."""

import errno
from typing import TYPE_CHECKING

import click

from mrigen.errors import MrigenError, printable

if TYPE_CHECKING:
    from mrigen.project import Project

# The system names no file when a disk fills up while one is written.
_FULL = {errno.ENOSPC, errno.EDQUOT}


class CommandGroup(click.Group):
    """Turns what a user can mend into one line and exit code 2; shows commands in their order."""

    def invoke(self, ctx: click.Context) -> object:
        """Run the command; tell what a user can mend and leave with exit code 2.

        What Ctrl-C or SIGTERM has stopped leaves with 130, as shells expect.
        """
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            tell("interrupted: the same command takes the work up again.")
            raise click.exceptions.Exit(130) from None
        except MrigenError as error:
            tell(error)
        except OSError as error:
            if error.filename is None and error.errno not in _FULL:
                raise
            tell(_sentence(error))
        raise click.exceptions.Exit(2)

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Return the commands in the order in which they were added."""
        return list(self.commands)


def tell(problem: object) -> None:
    """Say one line on standard error, whatever is quoted in it."""
    click.echo(f"mrigen: {printable(str(problem))}", err=True)


def _sentence(error: OSError) -> str:
    path = "" if error.filename is None else f" '{click.format_filename(error.filename)}'"
    return (
        f"cannot read or write{path}: {error.strerror}. Check that the folder is there, that you "
        "may write to it and that the disk is not full."
    )


def project_of(ctx: click.Context) -> "Project":
    """Read the project folder that the command line names."""
    from mrigen.project import load_project

    return load_project(ctx.obj["root"])
