"""Draw samples of a registered generator into a file."""

import logging
from pathlib import Path

from mrigen.atomic import atomic_file
from mrigen.errors import ConfigError, ModelError
from mrigen.project import Project
from mrigen.registry.versions import resolve
from mrigen.serving.schemas import LAST_SEED, MAX_COUNT, SampleFormat, most_samples
from mrigen.stages.serve import served
from mrigen.tracking.tracker import connect

_FORMATS: dict[str, SampleFormat] = {".png": "png", ".npz": "npz"}

_log = logging.getLogger(__name__)


def sample(project: Project, reference: str, *, count: int, seed: int, out: Path) -> Path:
    """Write samples to a file with the bytes a server gives for the same request.

    Parameters
    ----------
    project
        The project folder.
    reference
        A registered model: NAME@ALIAS, NAME/VERSION, or NAME for its champion.
    count
        Images, from 1 to 256; fewer if they are larger than 256 pixels.
    seed
        Seed of the first image, from 0; image `i` has the seed `seed + i`.
    out
        A file that ends in ".png" (one sheet) or ".npz" (arrays `images` and `seeds`).

    Returns
    -------
    Path
        The file.

    Raises
    ------
    ConfigError
        If the count, the seed or the ending of the file is out of range.
    ModelError
        If the model cannot sample or does not fit this version of mrigen.
    RegistryError, TrackingError
        If there is no such registered model or no store.
    """
    file_format = _FORMATS.get(out.suffix.lower())
    if file_format is None:
        raise ConfigError(f"'{out}' is no file for samples: expected a name in .png or .npz.")
    if not 1 <= count <= MAX_COUNT:
        raise ConfigError(f"count is {count}: expected 1 to {MAX_COUNT} samples.")
    if not 0 <= seed <= LAST_SEED - (count - 1):
        raise ConfigError(f"seed is {seed}: expected 0 to 2**63 - {count} for {count} samples.")
    model = served(resolve(connect(project.root, write=False), reference))
    if "sample" not in model.tasks:
        raise ModelError(
            f"model '{model.name}' restores images and cannot make new ones: name another one."
        )
    most = most_samples(model.image_size)
    if count > most:
        raise ConfigError(
            f"count is {count}: model '{model.name}' makes images of {model.image_size} pixels, at "
            f"most {most} in one file. Draw several files."
        )
    content = model.sample_file(count=count, seed=seed, file_format=file_format)
    with atomic_file(out) as temporary:
        temporary.write_bytes(content)
    _log.info("%d samples of '%s' version %d are in %s.", count, model.name, model.version, out)
    return out
