"""`mrigen data`: make, fetch, check, draw and export data."""

import sys
from pathlib import Path
from typing import Any, Literal

import click

from mrigen.cli.group import CommandGroup, project_of

LAYOUTS = ("ixi", "decathlon", "bids", "folder", "pictures")


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


@data.command("check")
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--layout", type=click.Choice(LAYOUTS), help="Found out by default.")
@click.option("--quick", is_flag=True, help="Headers only: misses files that are cut off.")
@click.option("--follow-links", is_flag=True, help="Read what links outside PATH point to, too.")
@click.option("--json", "as_json", is_flag=True, help="Everything as one JSON object.")
@click.option("--workers", type=click.IntRange(1, 256), help="Processes; all cores by default.")
@click.pass_context
def data_check(ctx: click.Context, /, path: Path, *, as_json: bool, **words: Any) -> None:
    """Tell what a folder or file holds, what would be left out, and how to name it.

    \b
    Example: mrigen data check data/ixi
    """
    from mrigen.cli.findings import show_findings
    from mrigen.stages.check import check as run

    found = run(path, project=ctx.obj["root"], progress=ctx.obj["progress"], **words)
    click.echo(found.to_json()) if as_json else show_findings(found)
    found.require_usable()


@data.command("report")
@click.argument("source", required=False)
@click.option("--dataset", help="See the cohort with this dataset's plane, masks and splits.")
@click.option("--plane", type=click.Choice(["axial", "coronal", "sagittal"]), help="Of slices.")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="A folder.")
@click.option("--workers", type=click.IntRange(1, 256), help="Processes; all cores by default.")
@click.pass_context
def data_report(ctx: click.Context, /, source: str | None, **words: Any) -> None:
    """Draw the cohort of SOURCE on one page: people, files, intensities, slices, splits.

    \b
    Example: mrigen data report ixi --dataset heads --out cohort
    """
    from mrigen.stages.survey import survey as run

    click.echo(f"report: {run(project_of(ctx), source, progress=ctx.obj['progress'], **words)}")


@data.command("preview")
@click.argument("dataset")
@click.option("--model", help="Draw its own corruption; every step by default.")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="A .png file.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True)
@click.option("--split", type=click.Choice(["train", "validation", "test"]), default="train")
@click.pass_context
def data_preview(ctx: click.Context, /, dataset: str, **words: Any) -> None:
    """Draw kinds of damage on slices of DATASET.

    \b
    Example: mrigen data preview heads --model unet --out sheet.png
    """
    from mrigen.stages.preview import preview as run

    click.echo(f"sheet: {run(project_of(ctx), dataset, **words)}")


@data.command("export")
@click.argument("dataset")
@click.option("--to", type=click.Choice(["pictures", "nifti"]), required=True)
@click.option("--out", type=click.Path(path_type=Path), required=True, help="An empty folder.")
@click.option(
    "--study", type=click.Choice(["tablado", "arnaiz", "feliu"]), help="Whose layout of pictures."
)
@click.pass_context
def data_export(ctx: click.Context, /, dataset: str, **words: Any) -> None:
    """Write the slices of DATASET as pictures, or as volumes that lie over their sources.

    \b
    Example: mrigen data export heads --to nifti --out exports/heads
    """
    from mrigen.stages.export import export as run

    run(project_of(ctx), dataset, progress=ctx.obj["progress"], **words)
