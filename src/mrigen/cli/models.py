"""The commands on networks that need no project."""

from pathlib import Path

import click

# Not read from the models themselves: that would import torch before `--help` is shown.
_IMPORTABLE = ("residual_unet", "skip_cae", "shallow_residual_ae", "myronenko_cae", "unet")


@click.command("import-keras")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--model", required=True, type=click.Choice(_IMPORTABLE), help="What FILE holds.")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="The bundle's folder.")
@click.option("--name", help="The model's name in params.yaml; by default that of --model.")
@click.option("--licence", help="Under which the weights are published.")
def import_keras(file: Path, model: str, out: Path, name: str | None, licence: str | None) -> None:
    """Turn FILE, a whole model that Keras 2 saved as .h5, into a bundle.

    Nothing in FILE is executed. The bundle answers as Keras did. Where it lies in a project, at
    models/NAME/bundle, mrigen evaluate NAME judges it like any model.

    \b
    Example: mrigen import-keras res_skip_cae.h5 --model residual_unet --out bundle
    """
    from mrigen.stages.import_keras import import_keras as run

    click.echo(f"bundle: {out} {run(file, model, out, called=name, licence=licence)}")
