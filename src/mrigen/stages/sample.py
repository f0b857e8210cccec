"""Draw samples of a registered generator into a file."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO

from rich.progress import MofNCompleteColumn

from mrigen.atomic import atomic_file
from mrigen.config import parse_config
from mrigen.errors import ConfigError
from mrigen.project import Project
from mrigen.serving.batcher import Batcher
from mrigen.serving.drawing import plan_drawing
from mrigen.serving.encoding import ENDINGS, Encoder, sample_encoder
from mrigen.serving.engine.cores import lanes_for
from mrigen.serving.schemas import ConditionValue, SampleRequest
from mrigen.serving.work import Drawing
from mrigen.stages.progress import reporting
from mrigen.stages.serving.loading import load_served
from mrigen.tracking.tracker import connect

#: The most that a server can be set to give, too.
MAX_COUNT = 1_000_000

_FORMATS = {f".{ending}": name for name, ending in ENDINGS.items()}

_log = logging.getLogger(__name__)


def sample(
    project: Project,
    reference: str,
    *,
    count: int,
    seed: int,
    out: Path,
    conditions: Mapping[str, ConditionValue] | None = None,
    quick: bool = False,
    device: str = "cpu",
    lanes: int | None = None,
    progress: bool = False,
) -> Path:
    """Write samples to a file with the bytes a server gives for the same request.

    Parameters
    ----------
    project
        The project folder.
    reference
        A registered model: NAME@ALIAS, NAME/VERSION, or NAME for its champion.
    count
        Images, from 1 to 1,000,000; fewer for a sheet.
    seed
        Seed of the first image, from 0; image `i` has the seed `seed + i`.
    out
        A file that ends in ".png" (one sheet), ".zip" (of pictures), ".npz" (arrays `images` and
        `seeds`) or ".nii" (a stack).
    conditions
        Values of what the model lists under `conditions`.
    quick
        Draw in the model's quick mode: sooner and less well.
    device
        A torch device. Bytes are the same on the same kind of device only.
    lanes
        Chunks computed at the same time; by default one per core on a CPU, and one elsewhere.
        They do not change a byte.
    progress
        Whether to show how far it is.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    ConfigError
        If the count, the seed, a condition or the ending of the file does not fit.
    ModelError
        If the model cannot sample, has no quick mode and is asked for it, or does not fit this
        version of mrigen.
    RegistryError, TrackingError
        If there is no such registered model or no store.
    """
    asked = _request(out, count, seed, conditions or {}, quick=quick)
    model = load_served(connect(project.root, write=False), reference, device)
    work = plan_drawing(model, asked, seed=seed, max_count=MAX_COUNT)
    encoder = sample_encoder(
        asked.format, work, name=model.name, version=model.version, image_size=model.image_size
    )
    lanes = lanes or lanes_for(device)
    with (
        atomic_file(out) as temporary,
        temporary.open("wb") as file,
        reporting("samples", MofNCompleteColumn(), shown=progress) as report,
    ):
        asyncio.run(_draw(work, encoder, file, lanes, report))
    _log.info("%d samples of '%s' version %d are in %s.", count, model.name, model.version, out)
    return out


def _request(
    out: Path, count: int, seed: int, conditions: Mapping[str, ConditionValue], *, quick: bool
) -> SampleRequest:
    file_format = _FORMATS.get(out.suffix.lower())
    if file_format is None:
        raise ConfigError(
            f"'{out}' is no file for samples: expected a name in {', '.join(_FORMATS)}."
        )
    values: dict[str, object] = {"count": count, "seed": seed, "format": file_format}
    values |= {"conditions": dict(conditions), "quick": quick}
    return parse_config(SampleRequest, values, source=f"{count} samples from seed {seed}")


async def _draw(
    work: Drawing,
    encoder: Encoder,
    file: IO[bytes],
    lanes: int,
    report: Callable[[int, int | None], None],
) -> None:
    # The engine of the server: its chunks and its lanes make its bytes.
    done = 0
    async with Batcher(lanes=lanes, places=1) as batcher, batcher.submit(work) as job:
        async for images in job:
            file.write(encoder.add(images))
            done += len(images)
            report(done, len(work))
    file.write(encoder.finish())
