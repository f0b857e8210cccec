"""Draw samples of a server's model into a file."""

import logging
from collections.abc import Mapping
from pathlib import Path

from rich.progress import DownloadColumn

from mrigen.client import Client
from mrigen.client.address import find_key
from mrigen.stages.progress import reporting

_log = logging.getLogger(__name__)


def sample_remotely(
    server: str,
    reference: str,
    *,
    count: int,
    seed: int,
    out: Path,
    conditions: Mapping[str, float | str] | None = None,
    quick: bool = False,
    api_key_file: Path | None = None,
    progress: bool = False,
) -> Path:
    """Write samples of a server to a file; no project folder is needed.

    Parameters
    ----------
    server
        Its address.
    reference
        A served model: NAME@ALIAS, NAME/VERSION, or NAME for the one the server names first.
    count, seed, out, conditions, quick
        As in `mrigen.stages.sample.sample`; the server has limits of its own.
    api_key_file
        Holds the server's key; by default that of `MRIGEN_API_KEY`.
    progress
        Whether to show how far it is.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    ClientError
        If the server cannot be reached, refuses, or answers something else.
    """
    with (
        Client(server, find_key(api_key_file)) as client,
        reporting("samples", DownloadColumn(), shown=progress) as report,
    ):
        made = client.download(
            reference,
            out,
            count=count,
            seed=seed,
            conditions=conditions,
            quick=quick,
            report=report,
        )
    _log.info("%d samples of '%s' version %d are in %s.", count, made.model, made.version, out)
    return out
