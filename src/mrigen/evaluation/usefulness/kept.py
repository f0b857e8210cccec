"""Classifiers of real slices kept on disk: they are the same for every model of a dataset."""

from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from zlib import crc32

import numpy as np
import numpy.typing as npt
import torch
from torch.nn.utils import parameters_to_vector, vector_to_parameters

from mrigen.atomic import atomic_file
from mrigen.evaluation.usefulness.classifier import Classifier

# To be raised when classifiers are built or trained in another way, so that old files are not used.
_RECIPE = 1


def kept_classifier(
    folder: Path, words: tuple[object, ...], empty: Classifier, *, train: Callable[[], Classifier]
) -> Classifier:
    """Return the classifier that is kept under `words`; train and keep it where there is none.

    Parameters
    ----------
    folder
        Where classifiers are kept; it is made when it is missing.
    words
        Everything that its weights depend on.
    empty
        One of the same shape, which is given the weights.
    train
        Makes it. Two processes that do so at once write the same file.
    """
    device = next(empty.parameters()).device
    key = "\x1f".join(map(str, (_RECIPE, torch.__version__, device.type, *words)))
    path = folder / f"{sha256(key.encode()).hexdigest()}.npy"
    count = sum(parameter.numel() for parameter in empty.parameters())
    weights = _read(path, key, count)
    if weights is None:
        trained = train()
        _write(path, key, parameters_to_vector(trained.parameters()).detach().cpu().numpy())
        return trained
    vector_to_parameters(torch.from_numpy(weights).to(device), empty.parameters())
    return empty.eval()


def _layout(count: int) -> np.dtype[np.void]:
    return np.dtype([("checksum", "<u4"), ("weights", "<f4", (count,))])


def _read(path: Path, key: str, count: int) -> npt.NDArray[np.float32] | None:
    try:
        # Mapped first: whatever size a foreign header declares, no memory is asked for.
        records = np.lib.format.open_memmap(path, mode="r")
    except (OSError, ValueError, EOFError, SyntaxError, MemoryError):
        return None
    if records.dtype != _layout(count) or records.shape != (1,):
        return None
    weights = np.array(records["weights"][0])
    return weights if records["checksum"][0] == _checksum(weights, key) else None


def _write(path: Path, key: str, weights: npt.NDArray[np.float32]) -> None:
    records = np.zeros(1, _layout(len(weights)))
    records["weights"], records["checksum"] = weights, _checksum(weights, key)
    with atomic_file(path) as temporary, temporary.open("wb") as file:
        np.save(file, records, allow_pickle=False)


def _checksum(weights: npt.NDArray[np.float32], key: str) -> int:
    # The key is in it, so that a file that was renamed is not taken for this one.
    return crc32(weights.tobytes(), crc32(key.encode()))
