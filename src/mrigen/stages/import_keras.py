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


#: The value of the card's key "origin".
IMPORTED = "imported from Keras"

_UNKNOWN_SUBJECTS = (
    "The weights were trained elsewhere: nobody can tell here whether a test subject was among "
    "their training subjects, so that their numbers may flatter them."
)


def import_keras(
    path: Path, name: str, out: Path, *, called: str | None = None, licence: str | None = None
) -> str:
    """Turn a whole-model .h5 file of Keras into a bundle, which answers as Keras did.

    Parameters
    ----------
    path
        The file.
    name
        The network it holds; see `mrigen.models.keras_weights.reading.read_keras`.
    out
        The bundle's folder: absent, empty or an earlier bundle.
    called
        Name of the model in `params.yaml`; by default that of the network.
    licence
        Under which the weights are published; by default the card says that it is unknown.

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
    config = BundleConfig(model=called or name, image_size=read.image_size, network=read.config)
    with path.open("rb") as file:
        checksum = file_digest(file, "sha256").hexdigest()
    card = {
        "model": called or name,
        "origin": IMPORTED,
        "file": path.name,
        "sha256": checksum,
        "keras_version": read.keras_version,
        "licence": licence or "unknown: that of the imported file, which its owner has to tell",
        "layers": {module: short(layer) for module, layer in read.layers.items()},
        "warnings": [_UNKNOWN_SUBJECTS],
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
