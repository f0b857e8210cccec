"""Features of real slices kept on disk: they are the same for every model of a dataset."""

import os
from collections.abc import Callable
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from zlib import crc32

import numpy as np
import numpy.typing as npt
import torch
from numpy.lib.format import dtype_to_descr, write_array_header_1_0
from torch import Tensor

from mrigen.atomic import atomic_file
from mrigen.metrics.features import FeatureExtractor

#: Images the extractor sees at a time, filled up where fewer are asked for: the rounding of a
#: convolution may depend on how many there are, and a feature must not.
CHUNK = 8

_Rows = npt.NDArray[np.int64]
_Records = npt.NDArray[np.void]


def features_of(images: Tensor, extractor: FeatureExtractor) -> Tensor:
    """Extract the features of images, each with the same bytes whatever stands beside it.

    Parameters
    ----------
    images : (N, 1, H, W) float32 in [0, 1]
    extractor

    Returns
    -------
    (N, features) float32 on the CPU
    """
    missing = -len(images) % CHUNK
    if missing:
        images = torch.cat([images, images[-1:].expand(missing, -1, -1, -1)])
    return extractor(images, chunk=CHUNK)[: len(images) - missing]


def kept_features(
    folder: Path,
    what: str,
    rows: _Rows,
    *,
    extractor: FeatureExtractor,
    images: Callable[[_Rows], Tensor],
) -> Tensor:
    """Return features of rows of a dataset, computing those that no earlier call has kept.

    Everything that the bytes of a feature depend on is part of the file's name: the images, the
    extractor, the kind of device, torch's version and its threads. Each feature is kept with a
    checksum, so a damaged or foreign file is as good as none. Of two processes that write at
    once one may lose what it added, which is then computed again.

    Parameters
    ----------
    folder
        Where features are kept; it is made when it is missing.
    what
        Which images a row stands for, such as the fingerprint of a dataset.
    rows : (N,) int
        In any order and with repeats.
    extractor
        One without a digest cannot be told from another, so its features are not kept.
    images
        Makes (n, 1, H, W) images of n rows. Called with those that are missing, ascending, in
        parts of no more than 64.

    Returns
    -------
    (N, features) float32 on the CPU
    """
    wanted, places = np.unique(np.asarray(rows, np.int64), return_inverse=True)
    key = _key(what, extractor)
    path = folder / f"{key}.npy" if extractor.digest else None
    kept = _read(path, key, extractor.features)
    missing = np.setdiff1d(wanted, kept["row"])
    if len(missing):
        fresh = _compute(missing, extractor, images)
        if path is not None:
            # Another process may have added some in the meantime, or lost what this one has read.
            kept = _merged(_merged(kept, fresh), _read(path, key, extractor.features))
            _write(path, key, kept)
        else:
            kept = fresh
    found = np.searchsorted(kept["row"], wanted)
    return torch.from_numpy(np.ascontiguousarray(kept["features"][found[places]]))


def _key(what: str, extractor: FeatureExtractor) -> str:
    device = extractor.device.type
    threads = torch.get_num_threads() if device == "cpu" else 0
    words = (
        *(what, extractor.name, extractor.digest, extractor.features, extractor.channels),
        *(extractor.size, extractor.value_range, device, torch.__version__, threads),
    )
    return sha256("\x1f".join(map(str, words)).encode()).hexdigest()


def _compute(
    rows: _Rows, extractor: FeatureExtractor, images: Callable[[_Rows], Tensor]
) -> _Records:
    records = np.zeros(len(rows), _layout(extractor.features))
    records["row"] = rows
    for start in range(0, len(rows), 8 * CHUNK):
        part = slice(start, start + 8 * CHUNK)
        records["features"][part] = features_of(images(rows[part]), extractor).numpy()
    return records


def _merged(first: _Records, second: _Records) -> _Records:
    _, chosen = np.unique(np.concatenate([first["row"], second["row"]]), return_index=True)
    return np.concatenate([first, second])[chosen]


def _layout(features: int) -> np.dtype[np.void]:
    return np.dtype([("row", "<i8"), ("checksum", "<u4"), ("features", "<f4", (features,))])


def _read(path: Path | None, key: str, features: int) -> _Records:
    """Return the records that are whole, ascending by row; none where there is no such file."""
    layout = _layout(features)
    none = np.zeros(0, layout)
    if path is None:
        return none
    try:
        with path.open("rb") as file:
            # Of the open file: another process may have put a longer one in its place.
            size = os.fstat(file.fileno()).st_size
            count = (size - len(_header(layout, 0))) // layout.itemsize
            # Compared as bytes: whatever else a header declares is never looked at.
            if count < 0 or file.read(len(_header(layout, 0))) != _header(layout, count):
                return none
            records = np.frombuffer(file.read(count * layout.itemsize), layout)
    except (OSError, ValueError):
        return none
    whole = records[records["checksum"] == _checksums(records, key)]
    return _merged(none, whole)


def _header(layout: np.dtype[np.void], count: int) -> bytes:
    """Return how an `.npy` file of so many records begins; as long for any number."""
    buffer = BytesIO()
    shape = {"descr": dtype_to_descr(layout), "fortran_order": False, "shape": (count,)}
    write_array_header_1_0(buffer, shape)
    return buffer.getvalue()


def _write(path: Path, key: str, records: _Records) -> None:
    records["checksum"] = _checksums(records, key)
    with atomic_file(path) as temporary, temporary.open("wb") as file:
        np.save(file, records, allow_pickle=False)


def _checksums(records: _Records, key: str) -> npt.NDArray[np.uint32]:
    # The key is in them, so that a file that was renamed is not taken for this one.
    start = crc32(key.encode())
    rows, features = records["row"], records["features"]
    sums = [
        crc32(features[place].tobytes(), crc32(rows[place].tobytes(), start))
        for place in range(len(records))
    ]
    return np.array(sums, np.uint32)
