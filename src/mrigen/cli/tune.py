"""`mrigen tune`: search for better parameters, look at what was found, and keep it."""

import sys
from collections.abc import Iterable
from functools import partial
from typing import Any

import click

from mrigen.cli.compute import compute_options
from mrigen.cli.group import CommandGroup, project_of
from mrigen.errors import printable

# Of lines that come and go in a diff.
_COLOURS = {"+": "green", "-": "red"}

_storage = click.option(
    "--storage",
    envvar="MRIGEN_TUNING_STORAGE",
    metavar="ADDRESS",
    help="postgresql+psycopg://USER:PASSWORD@HOST/DATABASE, or a journal file; "
    "tuned/studies.journal by default.",
)
_study = click.option("--study", metavar="NAME", help="The model's latest by default.")
_trial = click.option(
    "--trial", type=click.IntRange(0), metavar="NUMBER", help="The best by default."
)


class TuneGroup(CommandGroup):
    """Takes a first word that is none of its commands for a model."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read the words; `mrigen tune vae` is short for `mrigen tune run vae`."""
        if args and args[0] not in {*self.commands, *ctx.help_option_names}:
            args = ["run", *args]
        return super().parse_args(ctx, args)


@click.group(cls=TuneGroup, options_metavar="", subcommand_metavar="MODEL [OPTIONS] | COMMAND ...")
def tune() -> None:
    """Search for better parameters of a model, in the space of its search block.

    \b
    The whole way:
      mrigen tune vae --trials 20       short for mrigen tune run vae --trials 20
      mrigen tune report vae
      mrigen tune confirm vae
      mrigen tune promote vae
    """


@tune.command("run")
@click.argument("model")
@click.option(
    "--trials",
    type=click.IntRange(1, 100_000),
    default=20,
    show_default=True,
    help="Of the study in all, those that are there included.",
)
@click.option(
    "--workers",
    type=click.IntRange(1, 256),
    default=1,
    show_default=True,
    help="Processes that train one trial each.",
)
@_storage
@click.option("--multi-objective", is_flag=True, help="Search for few seconds of training, too.")
@click.option("--new-study", is_flag=True, help="Begin another study, as the space has changed.")
@click.option(
    "--hours", type=click.FloatRange(0, min_open=True), help="Begin no trial after so many."
)
@partial(compute_options, loaders=False)
@click.pass_context
def tune_run(ctx: click.Context, /, model: str, **words: Any) -> None:
    """Search for better parameters of MODEL.

    Workers on this and on other hosts share a study through its storage. Whatever interrupts or
    kills it: the same command goes on.

    \b
    Example: mrigen tune run vae --trials 20 --workers 2
    """
    from mrigen.stages.tuning.run import tune as run
    from mrigen.tuning.wording import in_short

    project = project_of(ctx)
    record = run(project, model, progress=ctx.obj["progress"], **words)
    _say(in_short(record, words["trials"]))
    click.echo(f"report: {project.tuned / model / 'report.html'}")


@tune.command("report")
@click.argument("model")
@_storage
@_study
@click.pass_context
def tune_report(ctx: click.Context, /, model: str, **words: Any) -> None:
    """Draw a study of MODEL on one page, finished or not.

    \b
    Example: mrigen tune report vae
    """
    from mrigen.stages.tuning.report import report as run

    click.echo(f"report: {run(project_of(ctx), model, **words)}")


@tune.command("confirm")
@click.argument("model")
@click.option(
    "--seeds", type=click.IntRange(2, 100), default=3, show_default=True, help="Trainings of each."
)
@click.option(
    "--workers",
    type=click.IntRange(1, 256),
    default=1,
    show_default=True,
    help="Processes that train.",
)
@_storage
@_study
@_trial
@click.option("--device", default="auto", envvar="MRIGEN_DEVICE", show_default=True)
@click.pass_context
def tune_confirm(ctx: click.Context, /, model: str, **words: Any) -> None:
    """Train the best of MODEL and its baseline anew.

    With seeds that the search has not seen, the same for both, on the same validation subjects.

    \b
    Example: mrigen tune confirm vae --seeds 3
    """
    from mrigen.stages.tuning.confirm import confirm as run

    found = run(project_of(ctx), model, progress=ctx.obj["progress"], **words)
    _say(found.sentences())


@tune.command("promote")
@click.argument("model")
@_storage
@_study
@_trial
@click.option("--yes", is_flag=True, help="Write without asking.")
@click.pass_context
def tune_promote(ctx: click.Context, /, model: str, *, yes: bool, **words: Any) -> None:
    """Write the best of MODEL into params.yaml.

    What would change is shown first. Everything else in the file stays as it is.

    \b
    Example: mrigen tune promote vae
    """
    from mrigen.stages.tuning.promote import promote as run

    promotion = run(project_of(ctx), model, **words)
    for line in promotion.diff.splitlines():
        click.secho(line, fg=_COLOURS.get(line[:1]))
    click.echo()
    _say(promotion.sentences())
    if not yes and not _asks():
        click.echo("Nothing is written: say --yes where nobody can be asked.", err=True)
        ctx.exit(1)
    if not yes:
        click.confirm("Write this into params.yaml?", abort=True)
    promotion.write()
    click.echo(f"params.yaml is changed. Next: dvc repro, or mrigen train {model}.")


def _say(sentences: Iterable[str]) -> None:
    """Say sentences, with values and reasons that others may have written into the study."""
    for sentence in sentences:
        click.echo(printable(sentence))


def _asks() -> bool:
    return sys.stdin.isatty()
