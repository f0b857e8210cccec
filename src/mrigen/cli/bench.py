"""The command that times a model on the hardware that is there."""

from functools import partial
from typing import Any

import click

from mrigen.cli.compute import compute_options
from mrigen.cli.group import project_of, tell


@click.command()
@click.argument("model")
@click.option(
    "--devices",
    default="",
    metavar="NAME,NAME,...",
    help="cpu, cuda, cuda:1, mps; all that are there by default.",
)
@partial(compute_options, device=False)
@click.option(
    "--steps", type=click.IntRange(1), default=20, show_default=True, help="Updates to time."
)
@click.option("--batch-size", type=click.IntRange(1, 65_536), help="In place of the model's.")
@click.pass_context
def bench(
    ctx: click.Context,
    /,
    model: str,
    devices: str,
    steps: int,
    batch_size: int | None,
    **choices: Any,
) -> None:
    """Time training and answering of MODEL on each device that is there.

    The table is printed, written to bench/MODEL.json and .csv, and logged to MLflow. Weights are
    fresh and thrown away: nothing that has been trained is touched.

    \b
    Example: mrigen bench vae --devices cpu,cuda --steps 50
    """
    from mrigen.stages.bench import bench as run
    from mrigen.stages.bench_table import print_table

    names = [name.strip() for name in devices.split(",") if name.strip()]
    found = run(
        project_of(ctx), model, devices=names, steps=steps, batch_size=batch_size, choices=choices
    )
    print_table(found.title, found.devices)
    for reason in found.left_out.values():
        tell(reason)
