"""From a server's bytes to what was asked for, and to nothing else."""

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any, cast

import numpy as np
import numpy.typing as npt

from mrigen.atomic import atomic_file
from mrigen.client.answers import (
    AnomalyMaps,
    FloatImages,
    ImageFile,
    ModelInfo,
    Restored,
    Samples,
)
from mrigen.client.arrays import Arrays, expect_array, read_arrays
from mrigen.client.exchange import Answer
from mrigen.client.files import check_whole, most_bytes
from mrigen.errors import ClientError

IN_MEMORY_BYTES = 2**25  # of an answer; a larger one goes to a file for a while
MOST_RESTORED_BYTES = 2**31

#: Told of the bytes so far, and in all where they are known.
Report = Callable[[int, int | None], None]

_CONDITION = "condition_"  # what the names of their arrays begin with


def read_samples(
    answer: Answer, model: ModelInfo, count: int, seed: int, *, quick: bool = False
) -> Samples:
    """Read an archive of samples.

    Raises
    ------
    ClientError
        If it is not what was asked for.
    """
    origin, size = _origin(answer, model), model.image_size
    _check_mode(answer, quick=quick)
    arrays = _arrays(answer, most_bytes(count, size))
    images = expect_array(arrays, "images", "float32", (count, size, size))
    seeds = expect_array(arrays, "seeds", "int64", (count,))
    if not np.array_equal(seeds, np.arange(count) + seed):
        raise ClientError(f"the answer has other seeds than {seed} and those after it: ask again.")
    told = {
        name.removeprefix(_CONDITION): one
        for name, one in arrays.items()
        if name.startswith(_CONDITION)
    }
    return Samples(
        cast("FloatImages", images),
        cast("npt.NDArray[np.int64]", seeds),
        told,
        **origin,
        quick=quick,
    )


def save_samples(
    answer: Answer,
    model: ModelInfo,
    count: int,
    seed: int,
    out: Path,
    file_format: str,
    report: Report,
    *,
    quick: bool = False,
) -> ImageFile:
    """Write samples to a file, whole or not at all.

    Raises
    ------
    ClientError
        If they are not what was asked for.
    """
    origin = _origin(answer, model)
    _check_mode(answer, quick=quick)
    with atomic_file(out) as temporary:
        with temporary.open("wb") as file:
            _pour(answer, file, most_bytes(count, model.image_size), report)
        check_whole(temporary, file_format, count, model.image_size)
    return ImageFile(out, seed, **origin, quick=quick)


def read_restored(answer: Answer, model: ModelInfo) -> Restored:
    """Read an archive of restored images.

    Raises
    ------
    ClientError
        If it is not what was asked for.
    """
    origin = _origin(answer, model)
    arrays = _arrays(answer, MOST_RESTORED_BYTES)
    return Restored(_stack(arrays, "images", model), **origin)


def read_maps(answer: Answer, model: ModelInfo) -> AnomalyMaps:
    """Read an archive of maps.

    Raises
    ------
    ClientError
        If it is not what was asked for.
    """
    origin = _origin(answer, model)
    arrays = _arrays(answer, MOST_RESTORED_BYTES)
    restored = _stack(arrays, "restored", model) if "restored" in arrays else None
    return AnomalyMaps(_stack(arrays, "map", model), restored, **origin)


def _origin(answer: Answer, model: ModelInfo) -> dict[str, Any]:
    found = [answer.header(f"Mrigen-{name}") for name in ("Model", "Version", "Digest", "Device")]
    if found[:3] != [model.name, str(model.version), model.digest]:
        raise ClientError(
            f"the answer is of {' '.join(found[:3])[:200]!a}: expected version {model.version} of "
            f"'{model.name}' with the digest {model.digest[:12]}. Ask again: the server may just "
            "have changed its models."
        )
    return {
        "model": model.name,
        "version": model.version,
        "digest": model.digest,
        "device": found[3],
    }


def _check_mode(answer: Answer, *, quick: bool) -> None:
    found = answer.header("Mrigen-Quick", "false")
    if found != str(quick).lower():
        raise ClientError(
            f"the answer says {found[:20]!a} of its quick mode: expected '{str(quick).lower()}', "
            "as was asked for. Look at the server."
        )


def _arrays(answer: Answer, most: int) -> Arrays:
    # Archives have their table at the end. On the disk a large one takes no memory beside the
    # arrays that are read from it.
    with tempfile.SpooledTemporaryFile(max_size=IN_MEMORY_BYTES) as file:
        _pour(answer, cast("IO[bytes]", file), most)
        file.seek(0)
        return read_arrays(cast("IO[bytes]", file), most)


def _stack(arrays: Arrays, name: str, model: ModelInfo) -> FloatImages:
    shape = (-1, model.image_size, model.image_size)
    return cast("FloatImages", expect_array(arrays, name, "float32", shape))


def _pour(
    answer: Answer,
    file: IO[bytes],
    most: int,
    report: Report = lambda done, total: None,  # noqa: ARG005 - shows nothing
) -> None:
    done = 0
    for piece in answer.pieces(most):
        file.write(piece)
        done += len(piece)
        report(done, answer.length)
