"""The command that draws whole stacks of slices."""

from functools import partial
from pathlib import Path
from typing import Any

import click

from mrigen.cli.conditions import condition_options
from mrigen.cli.group import project_of


@click.command()
@click.argument("reference")
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    required=True,
    help="A .nii or .nii.gz file.",
)
@partial(condition_options, without=("position_mm",))
@click.option("--from-mm", type=float, metavar="MM", help="Of the first slice; as in training.")
@click.option("--to-mm", type=float, metavar="MM", help="Of the last slice; as in training.")
@click.option("--step-mm", type=float, metavar="MM", help="Between slices; as in training.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Of the noise.")
@click.option(
    "--turn-mm",
    type=float,
    metavar="MM",
    help="Turn the noise into another one along this way; one for the whole head by default.",
)
@click.option("--quick", is_flag=True, help="In fewer steps, at some cost in quality.")
@click.option("--device", default="cpu", envvar="MRIGEN_DEVICE", show_default=True)
@click.option(
    "--lanes",
    type=click.IntRange(1, 256),
    envvar="MRIGEN_LANES",
    help="Chunks computed at the same time; a CPU's cores by default, 1 on a GPU.",
)
@click.pass_context
def stack(
    ctx: click.Context,
    /,
    *,
    reference: str,
    device: str,
    from_mm: float | None,
    to_mm: float | None,
    step_mm: float | None,
    **words: Any,
) -> None:
    """Draw slices of one head at many positions and write them as a NIfTI volume.

    REFERENCE is NAME@ALIAS, NAME/VERSION or NAME of a generator that can be asked for positions.

    \b
    Example: mrigen stack flow@champion --age 70 --sex f --out head.nii.gz
    """
    from mrigen.stages.stack import stack as run
    from mrigen.stages.stack_span import Span
    from mrigen.training.runtime import choose_runtime

    words["progress"] = ctx.obj["progress"]
    chosen = str(choose_runtime(device=device).device)
    span = Span(from_mm, to_mm, step_mm)
    run(project_of(ctx), reference, device=chosen, span=span, **words)
