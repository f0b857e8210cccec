"""The commands on whole volumes."""

from pathlib import Path
from typing import Any

import click

from mrigen.cli.group import project_of


@click.command()
@click.argument("volume", type=click.Path(path_type=Path))
@click.option("--model", required=True, help="A trained model of the project.")
@click.option("--output", type=click.Path(path_type=Path), help="exports/anomaly/... by default.")
@click.option("--channel", type=click.IntRange(0), help="Of a volume with four dimensions.")
@click.option(
    "--method",
    type=click.Choice(["residual", "probability"]),
    default="residual",
    show_default=True,
    help="probability: of a VAE alone.",
)
@click.option("--force", "overwrite", is_flag=True, help="Replace a map that is there.")
@click.option("--device", default="auto", envvar="MRIGEN_DEVICE", show_default=True)
@click.pass_context
def anomaly(ctx: click.Context, /, volume: Path, model: str, device: str, **words: Any) -> None:
    """Map how unusual every voxel of VOLUME, a NIfTI file, is to a trained model.

    \b
    Example: mrigen anomaly head.nii.gz --model vae
    """
    from mrigen.stages.anomaly import anomaly as run
    from mrigen.training.runtime import choose_runtime

    runtime = choose_runtime(device=device)
    found = run(project_of(ctx), volume, model, runtime=runtime, **words)
    listed = ", ".join(map(str, found.slices))
    click.echo(f"map: {found.path}; most unusual slices: {listed}")
