"""`mrigen data`: make, fetch, check, draw and export data."""

import sys
from pathlib import Path
from typing import Literal

import click

from mrigen.cli.group import CommandGroup


@click.group(cls=CommandGroup)
def data() -> None:
    """Make or look at raw data."""


@data.command("demo")
@click.option("--out", type=click.Path(path_type=Path), default=Path("data"), show_default=True)
@click.pass_context
def data_demo(ctx: click.Context, out: Path) -> None:
    """Write a synthetic cohort in the IXI and Decathlon layouts.

    \b
    Example: mrigen data demo --out data
    """
    from mrigen.data.demo.cohort import write_demo_cohort

    with click.progressbar(length=1, label="synthetic volumes", file=sys.stderr) as bar:

        def show(done: int, total: int) -> None:
            bar.length = total
            bar.update(done - bar.pos)

        write_demo_cohort(ctx.obj["root"] / out, progress=show if ctx.obj["progress"] else None)


@data.command("fetch")
@click.argument("cohort", type=click.Choice(["ixi", "decathlon"]))
@click.option("--out", type=click.Path(path_type=Path), help="data/<COHORT> by default.")
@click.pass_context
def data_fetch(ctx: click.Context, cohort: Literal["ixi", "decathlon"], out: Path | None) -> None:
    """Download a published COHORT: IXI (T1), or the Decathlon's brain tumours.

    \b
    Example: mrigen data fetch ixi --out data/ixi
    """
    from mrigen.stages.fetch import fetch as run

    run(cohort, ctx.obj["root"], out=out, progress=ctx.obj["progress"])
