"""The commands that make registered models answer."""

from pathlib import Path
from typing import Any

import click

from mrigen.cli.conditions import condition_options
from mrigen.cli.group import project_of


@click.command()
@click.option(
    "--model",
    "models",
    multiple=True,
    envvar="MRIGEN_MODELS",
    metavar="NAME@ALIAS",
    help="Also NAME/VERSION or NAME; repeatable. All champions by default.",
)
@click.option("--host", default="127.0.0.1", envvar="MRIGEN_HOST", show_default=True)
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8000,
    envvar="MRIGEN_PORT",
    show_default=True,
    help="0 takes a free one.",
)
@click.option(
    "--device",
    default="cpu",
    envvar="MRIGEN_DEVICE",
    show_default=True,
    help="cpu, cuda, cuda:1, ...; auto takes a GPU where there is one.",
)
@click.option(
    "--lanes",
    type=click.IntRange(1, 256),
    envvar="MRIGEN_LANES",
    help="Chunks computed at the same time; a CPU's cores by default, 1 on a GPU.",
)
@click.option(
    "--watch",
    "watch_seconds",
    type=click.FloatRange(0),
    default=10,
    envvar="MRIGEN_WATCH",
    show_default=True,
    help="Seconds between looks at what aliases stand for; 0 never looks again.",
)
@click.option(
    "--drain",
    "drain_seconds",
    type=click.FloatRange(0),
    default=30,
    envvar="MRIGEN_DRAIN",
    show_default=True,
    help="Seconds that requests have to finish when the server is told to stop.",
)
@click.option(
    "--api-keys",
    type=click.Path(path_type=Path, dir_okay=False),
    envvar="MRIGEN_API_KEYS",
    help="File with lines 'NAME KEY'; else the key in MRIGEN_API_KEY.",
)
@click.option(
    "--without-keys", is_flag=True, help="Let everybody ask who reaches --host over a network."
)
@click.option(
    "--requests-per-minute",
    type=click.IntRange(1),
    envvar="MRIGEN_REQUESTS_PER_MINUTE",
    help="Of one key, or one address; no limit by default.",
)
@click.option(
    "--places",
    type=click.IntRange(1),
    default=64,
    envvar="MRIGEN_PLACES",
    show_default=True,
    help="Requests that may be computed or wait.",
)
@click.option(
    "--max-count",
    type=click.IntRange(1, 1_000_000),
    default=10_000,
    envvar="MRIGEN_MAX_COUNT",
    show_default=True,
    help="Samples of one request.",
)
@click.option(
    "--max-upload-mb",
    type=click.IntRange(1),
    default=64,
    envvar="MRIGEN_MAX_UPLOAD_MB",
    show_default=True,
    help="MiB of one image or volume.",
)
@click.option(
    "--allowed-host",
    "allowed_hosts",
    multiple=True,
    envvar="MRIGEN_ALLOWED_HOSTS",
    metavar="NAME",
    help="Name that the server is reached by, besides --host; repeatable.",
)
@click.option(
    "--forwarded-allow-ips",
    envvar="MRIGEN_FORWARDED_ALLOW_IPS",
    metavar="ADDRESSES",
    help="Proxies whose X-Forwarded-For is believed; none by default.",
)
@click.pass_context
def serve(ctx: click.Context, /, **words: Any) -> None:
    """Serve registered models over HTTP; all champions by default.

    SIGTERM and Ctrl-C let requests under way finish; a second one ends the server at once.

    \b
    Example: mrigen serve --model vae@champion --port 8000
    """
    from mrigen.stages.serving.interpreter import quick_start
    from mrigen.stages.serving.stopping import stop_signals

    with (
        quick_start(),
        stop_signals(),
    ):  # the imports take seconds, and process 1 of a container ignores signals
        from mrigen.stages.serving.options import service_of
        from mrigen.stages.serving.serve import serve as run

        run(ctx.obj["root"], service_of(words))


@click.command()
@click.argument("reference")
@click.option("--count", type=click.IntRange(1), default=16, show_default=True, help="Images.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Of the first.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    required=True,
    help="A .png sheet, a .zip of pictures, .npz arrays or a .nii stack.",
)
@condition_options
@click.option(
    "--quick", is_flag=True, help="In fewer steps and sooner, where the model has such a mode."
)
@click.option("--device", default="cpu", envvar="MRIGEN_DEVICE", show_default=True)
@click.option(
    "--lanes",
    type=click.IntRange(1, 256),
    envvar="MRIGEN_LANES",
    help="Chunks computed at the same time; a CPU's cores by default, 1 on a GPU.",
)
@click.option("--server", metavar="URL", help="Ask this server; no project folder is needed.")
@click.option(
    "--api-key-file",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="The server's key alone in a file; MRIGEN_API_KEY by default.",
)
@click.pass_context
def sample(
    ctx: click.Context,
    /,
    *,
    reference: str,
    server: str | None,
    api_key_file: Path | None,
    device: str,
    lanes: int | None,
    **words: Any,
) -> None:
    """Draw images from a registered model: the same bytes here and from a server.

    REFERENCE is NAME@ALIAS, NAME/VERSION or NAME.

    \b
    Example: mrigen sample vae@champion --count 16 --seed 1 --out x.png
             mrigen sample flow@champion --age 70 --sex f --position-mm 10 --out x.png
    """
    words["progress"] = ctx.obj["progress"]
    if server is not None:
        from mrigen.stages.sample_remotely import sample_remotely

        sample_remotely(server, reference, api_key_file=api_key_file, **words)
    else:
        from mrigen.stages.sample import sample as run
        from mrigen.training.runtime import choose_runtime

        chosen = str(choose_runtime(device=device).device)
        run(project_of(ctx), reference, device=chosen, lanes=lanes, **words)
