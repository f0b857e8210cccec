"""Options of every command that trains: where and how numbers are computed."""

from collections.abc import Callable
from typing import Any

import click

_DEVICE = click.option(
    "--device",
    default="auto",
    envvar="MRIGEN_DEVICE",
    show_default=True,
    help="cpu, cuda, cuda:1, ...; auto takes a GPU where there is one.",
)
_PRECISION = click.option(
    "--precision",
    type=click.Choice(["fp32", "tf32", "bf16"]),
    default="fp32",
    envvar="MRIGEN_PRECISION",
    show_default=True,
    help="Arithmetic of the network.",
)
_LOADERS = click.option(
    "--workers",
    type=click.IntRange(0, 64),
    default=0,
    envvar="MRIGEN_WORKERS",
    help="Processes that prepare batches; 0 uses the training process.",
)
_OTHERS = (
    click.option(
        "--compile/--no-compile",
        "compiled",
        default=False,
        envvar="MRIGEN_COMPILE",
        help="Translate networks to machine code first; --no-compile by default.",
    ),
    click.option(
        "--resident",
        type=click.Choice(["auto", "on", "off"]),
        default="auto",
        envvar="MRIGEN_RESIDENT",
        show_default=True,
        help="Keep the training slices in the device's memory; auto where they fit a GPU's.",
    ),
)


def compute_options(
    command: Callable[..., Any], *, device: bool = True, loaders: bool = True
) -> Callable[..., Any]:
    """Give a command what `choose_runtime` takes, with or without the device and the loaders."""
    chosen = [_DEVICE] if device else []
    chosen += [_PRECISION, *([_LOADERS] if loaders else []), *_OTHERS]
    for option in reversed(chosen):
        command = option(command)
    return command
