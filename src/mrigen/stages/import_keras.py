"""`mrigen import-keras`: a network that was trained with Keras, as a bundle."""

import logging
from hashlib import file_digest
from pathlib import Path

from mrigen import __version__
from mrigen.bundle import CARD, CONFIG, WEIGHTS, BundleConfig, save_bundle
from mrigen.errors import ModelError
from mrigen.models.keras_weights.reading import read_keras
from mrigen.models.keras_weights.steps import short

_log = logging.getLogger(__name__)


def import_keras(path: Path, name: str, out: Path) -> str:
    """Turn a whole-model .h5 file of Keras into a bundle, which answers as Keras did.

    Parameters
    ----------
    path
        The file.
    name
        The network it holds; see `mrigen.models.keras_weights.reading.read_keras`.
    out
        The bundle's folder: absent, empty or an earlier bundle.

    Returns
    -------
    The bundle's digest.

    Raises
    ------
    ModelError
        If the file is no such network, or something else lies at `out`.
    """
    _check_folder(out)
    read = read_keras(path, name)
    config = BundleConfig(model=name, image_size=read.image_size, network=read.config)
    with path.open("rb") as file:
        checksum = file_digest(file, "sha256").hexdigest()
    card = {
        "model": name,
        "origin": "imported from Keras",
        "file": path.name,
        "sha256": checksum,
        "keras_version": read.keras_version,
        "licence": "unknown: that of the imported file, which its owner has to tell",
        "layers": {module: short(layer) for module, layer in read.layers.items()},
        "mrigen_version": __version__,
    }
    digest = save_bundle(out, read.network, config=config, card=card)
    _log.info("%s: %s of %d pixels, %s", out, name, read.image_size, read.config)
    return digest


def _check_folder(out: Path) -> None:
    if out.is_symlink() or (out.exists() and not out.is_dir()):
        inside = None
    else:
        inside = {entry.name for entry in out.iterdir()} if out.exists() else set()
    if inside is None or (inside and inside != {WEIGHTS, CONFIG, CARD}):
        raise ModelError(
            f"'{out}' is there and is not a bundle: expected a new folder, an empty one or one "
            f"with just {WEIGHTS}, {CONFIG} and {CARD}. Name another folder."
        )
