"""A network's answers to an upload as a file of the kind that was sent, or another."""

from collections.abc import Callable, Mapping
from functools import lru_cache
from io import BytesIO
from typing import Literal

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from mrigen.images import UInt8Array, contact_sheet
from mrigen.serving.encoding.archives import FileArchive
from mrigen.serving.encoding.pictures import quick_png
from mrigen.serving.uploads.upload import Upload

AnswerFormat = Literal["png", "npz", "nifti"]
Method = Literal["residual", "probability"]

# Every fifteenth colour of Matplotlib's "inferno", which is perceptually uniform, and black where
# nothing is unusual. Importing Matplotlib wants a folder to write to, and half a second.
_INFERNO = (
    "000004 0a0722 1e0c45 380962 510e6c 69166e 801f6c 982766 b0315b "
    "c63d4d d94d3d e9612b f47918 fa9407 fcb014 f8cd37 f2ea69 fcffa4"
)
# Where the colours end: no map is stretched to its own maximum, so that two can be compared.
MAP_SCALES: dict[Method, float] = {"residual": 0.5, "probability": 20.0}


class AnswerFile:
    """A file that is made when all answers are there.

    Parameters
    ----------
    encode
        Makes it of (N, 1, size, size) float32.
    """

    def __init__(self, encode: Callable[[Tensor], bytes]) -> None:
        self.size: int | None = None
        self._encode = encode
        self._parts: list[Tensor] = []

    def add(self, images: Tensor) -> bytes:
        """Take the next answers, (N, 1, size, size) float32."""
        self._parts.append(images)
        return b""

    def finish(self) -> bytes:
        """Return the file."""
        content = self._encode(torch.cat(self._parts))
        self.size = len(content)
        return content


def encode_restored(answers: Tensor, upload: Upload, file_format: AnswerFormat) -> bytes:
    """Make a file of restored slices.

    Parameters
    ----------
    answers : (N, 1, size, size) float32 in [0, 1]
        One for each slice of `upload`.
    upload
        What was sent.
    file_format
        "png" is one picture of all slices, "npz" has the array `images` (N, H, W) float32, and
        "nifti" lies on the grid of the volume that was sent, in its intensities.
    """
    if file_format == "png":
        return quick_png(contact_sheet(answers))
    if file_format == "npz":
        return _archive({"images": answers})
    assert upload.volume is not None  # looked at before
    return upload.volume.encode(answers.numpy(), words="restored by mrigen", intensities=True)


def encode_anomaly(
    answers: Tensor, upload: Upload, file_format: AnswerFormat, method: Method
) -> bytes:
    """Make a file of maps of how unusual every pixel is.

    Parameters
    ----------
    answers : (N, 1, size, size) float32
        Restored slices for "residual", the maps themselves for "probability".
    upload
        What was sent.
    file_format
        "png" shows the maps in colours, "npz" has the array `map` (N, H, W) float32 and, for
        residuals, `restored`; "nifti" lies on the grid of the volume that was sent.
    method
        "residual" is the absolute difference between a slice and the answer to it.
    """
    residual = method == "residual"
    found = (answers - upload.images).abs() if residual else answers
    if file_format == "png":
        return quick_png(_colours()[contact_sheet(found / MAP_SCALES[method])])
    if file_format == "npz":
        return _archive({"map": found, "restored": answers} if residual else {"map": found})
    assert upload.volume is not None  # looked at before
    words = f"anomaly by mrigen, {method}"
    return upload.volume.encode(found.numpy(), words=words, intensities=False)


def _archive(arrays: Mapping[str, Tensor]) -> bytes:
    archive = FileArchive()
    for name, images in arrays.items():
        buffer = BytesIO()
        values: npt.NDArray[np.float32] = images[:, 0].numpy().astype("<f4", copy=False)
        np.lib.format.write_array(buffer, values, version=(1, 0), allow_pickle=False)
        archive.add(f"{name}.npy", buffer.getvalue())
    return archive.finish()


@lru_cache(maxsize=1)
def _colours() -> UInt8Array:
    known = np.array([list(bytes.fromhex(colour)) for colour in _INFERNO.split()])
    places = np.linspace(0, 255, len(known))
    between = [np.interp(np.arange(256), places, channel) for channel in known.T]
    colours: npt.NDArray[np.float64] = np.stack(between, axis=1)
    return np.rint(colours).astype(np.uint8)
