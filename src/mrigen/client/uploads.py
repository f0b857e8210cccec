"""Images on their way to a server."""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

import numpy as np
import numpy.typing as npt

from mrigen.errors import ClientError

IN_MEMORY_BYTES = 2**25

#: Media types by the endings of files.
KINDS = {
    ".png": "image/png",
    ".npz": "application/x-npz",
    ".nii": "application/x-nifti",
    ".gz": "application/gzip",
}


@dataclass(frozen=True)
class Upload:
    """What is sent.

    Attributes
    ----------
    open
        Opens it, anew for each attempt.
    kind
        Its media type.
    """

    open: Callable[[], AbstractContextManager[IO[bytes]]]
    kind: str


def make_upload(images: npt.ArrayLike | Path) -> Upload:
    """Send images: a file as it is, an array as an archive.

    Parameters
    ----------
    images
        A file's path, or (H, W) or (N, H, W) floats in [0, 1].

    Raises
    ------
    ClientError
        If the file's ending is not known, or the array has another shape or values.
    """
    if isinstance(images, str | Path):
        return _of_file(Path(images))
    return _of_array(np.asarray(images))


def _of_file(path: Path) -> Upload:
    kind = KINDS.get(path.suffix.lower())
    if kind is None:
        raise ClientError(
            f"'{path}' cannot be sent: expected a file in .png, .npz, .nii or .nii.gz."
        )
    return Upload(lambda: path.open("rb"), kind)


def _of_array(array: npt.NDArray[np.generic]) -> Upload:
    if array.dtype.kind != "f" or array.ndim not in {2, 3} or array.size == 0:
        raise ClientError(
            f"the images are {array.dtype} {array.shape}: expected float32 (N, H, W) or (H, W) in "
            "[0, 1]. Divide whole numbers by their largest value."
        )
    stack = array.astype(np.float32, copy=False).reshape(-1, *array.shape[-2:])
    if not (np.isfinite(stack).all() and stack.min() >= 0 and stack.max() <= 1):
        raise ClientError(
            f"the images have values from {stack.min():g} to {stack.max():g}: expected [0, 1]. "
            "Scale them."
        )

    @contextmanager
    def opened() -> Iterator[IO[bytes]]:
        with tempfile.SpooledTemporaryFile(max_size=IN_MEMORY_BYTES) as file:
            np.savez(file, images=stack)
            yield cast("IO[bytes]", file)

    return Upload(opened, "application/x-npz")
