"""The command line: each command reads its words and calls one function."""

import logging
import sys
from pathlib import Path
from typing import Any

import click

from mrigen import __version__
from mrigen.cli.bench import bench
from mrigen.cli.compute import compute_options
from mrigen.cli.data import data
from mrigen.cli.doctor import doctor
from mrigen.cli.group import CommandGroup, project_of, tell
from mrigen.cli.models import import_keras
from mrigen.cli.serving import sample, serve
from mrigen.cli.stack import stack
from mrigen.cli.tune import tune
from mrigen.cli.volumes import anomaly
from mrigen.errors import ConfigError, DataError, ModelError, RegistryError


@click.group(cls=CommandGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="mrigen")
@click.option(
    "-C",
    "--project",
    "root",
    envvar="MRIGEN_PROJECT",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path(),
    help="Folder with params.yaml; the current one by default.",
)
@click.option("-q", "--quiet", is_flag=True, help="Only warnings and errors.")
@click.pass_context
def main(ctx: click.Context, root: Path, *, quiet: bool) -> None:
    """Train, compare, register and serve generators of brain MRI slices.

    \b
    The whole way, as `dvc repro` runs it:
      mrigen index
      mrigen slices heads
      mrigen train vae
      mrigen evaluate vae
      mrigen compare
      mrigen register vae
      mrigen serve
    """
    logging.basicConfig(level=logging.WARNING, format="%(message)s", stream=sys.stderr)
    logging.getLogger("mrigen").setLevel(logging.WARNING if quiet else logging.INFO)
    ctx.obj = {"root": root, "progress": not quiet}


main.add_command(data)


@main.command()
@click.pass_context
def index(ctx: click.Context) -> None:
    """Find the volumes of all sources and check their headers.

    \b
    Example: mrigen index
    """
    from mrigen.stages.index import index as run

    run(project_of(ctx))


@main.command()
@click.argument("dataset")
@click.option("--workers", type=click.IntRange(1, 256), help="Processes; all cores by default.")
@click.pass_context
def slices(ctx: click.Context, dataset: str, workers: int | None) -> None:
    """Cut the volumes of DATASET into a slice store.

    \b
    Example: mrigen slices heads
    """
    from mrigen.stages.slices import slices as run

    run(project_of(ctx), dataset, workers=workers, progress=ctx.obj["progress"])


@main.command()
@click.argument("model")
@compute_options
@click.pass_context
def train(ctx: click.Context, /, model: str, **words: Any) -> None:
    """Train MODEL, or go on where a killed training stopped.

    \b
    Example: mrigen train vae --device cpu
    """
    from mrigen.stages.train import train as run
    from mrigen.training.runtime import choose_runtime

    run(project_of(ctx), model, runtime=choose_runtime(**words), progress=ctx.obj["progress"])


@main.command()
@click.argument("model")
@click.option("--device", default="auto", envvar="MRIGEN_DEVICE", show_default=True)
@click.pass_context
def evaluate(ctx: click.Context, model: str, device: str) -> None:
    """Judge the trained MODEL on test subjects.

    What it found is told in a few sentences; all numbers are in evaluation/MODEL/metrics.json.

    \b
    Example: mrigen evaluate vae
    """
    from mrigen.evaluation.report.short import in_short
    from mrigen.stages.evaluate import evaluate as run
    from mrigen.training.runtime import choose_runtime

    project = project_of(ctx)
    metrics = run(project, model, runtime=choose_runtime(device=device))
    for sentence in in_short(metrics, project.model_config(model).gate.refusals(metrics)):
        click.echo(sentence)
    click.echo(f"{len(metrics)} numbers, tables and figures: {project.evaluation(model)}")


@main.command()
@click.pass_context
def compare(ctx: click.Context) -> None:
    """Write report/index.html over all evaluated models.

    \b
    Example: mrigen compare
    """
    from mrigen.stages.compare import compare as run

    click.echo(f"report: {run(project_of(ctx))}")


@main.command()
@click.argument("models", nargs=-1)
@click.option("--promote", is_flag=True, help="Replace the champion, if the gate is passed.")
@click.pass_context
def register(ctx: click.Context, models: tuple[str, ...], *, promote: bool) -> None:
    """Register trained and evaluated MODELS; all of params.yaml by default.

    \b
    Example: mrigen register vae
    """
    from mrigen.stages.register import register as run

    project, refused = project_of(ctx), False
    for model in models or project.params.models:
        try:
            click.echo(run(project, model, promote=promote))
        except (ConfigError, DataError, ModelError, RegistryError) as error:
            refused = True
            tell(error)
    if refused:
        ctx.exit(2)


main.add_command(sample)
main.add_command(stack)
main.add_command(serve)
main.add_command(anomaly)
main.add_command(bench)
main.add_command(tune)
main.add_command(import_keras)
main.add_command(doctor)
