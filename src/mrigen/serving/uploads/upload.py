"""A file that was sent, as slices of the size that a network knows."""

from dataclasses import dataclass

import torch
from torch import Tensor

from mrigen.data.records import Plane
from mrigen.data.uploads.arrays import read_arrays
from mrigen.data.uploads.fitting import fit
from mrigen.data.uploads.limits import check_count
from mrigen.data.uploads.pictures import read_png
from mrigen.data.uploads.recognise import Kind
from mrigen.data.uploads.volumes import UploadedVolume, read_volume

_READERS = {"png": read_png, "npz": read_arrays}


@dataclass(frozen=True, eq=False)
class Upload:
    """What a client sent.

    Attributes
    ----------
    kind
        Of the file.
    images : (N, 1, size, size) float32 in [0, 1]
        Its slices, as the network sees them.
    sent
        Height and width of a slice as it came.
    volume
        The way back to the file; None for pictures and arrays.
    """

    kind: Kind
    images: Tensor
    sent: tuple[int, int]
    volume: UploadedVolume | None = None

    @property
    def headers(self) -> dict[str, str]:
        """What an answer says of how the file was read."""
        size = self.images.shape[-1]
        told = {"Mrigen-Count": str(len(self.images))}
        if self.sent != (size, size):
            told["Mrigen-Resized"] = "{}x{}".format(*self.sent)
        if self.volume is not None:
            whole = self.volume.whole
            told["Mrigen-Plane"] = whole.plane
            told["Mrigen-Levels"] = f"{whole.black:g} {whole.white:g}"
        return told


def read_upload(
    content: bytes, kind: Kind, *, size: int, max_pixels: int, plane: Plane = "axial"
) -> Upload:
    """Decode a file.

    Parameters
    ----------
    content
        The whole file.
    kind
        What it is by its first bytes.
    size
        Height and width that the network knows, in pixels.
    max_pixels
        The most pixels that the file may declare.
    plane
        In which a volume is cut.

    Raises
    ------
    TooLargeError
        If the file declares too much.
    DataError
        If it cannot be used.
    """
    if kind == "nifti":
        volume = read_volume(content, max_pixels, size=size, plane=plane)
        return Upload(kind, torch.from_numpy(volume.pictures)[:, None], volume.sent, volume)
    pictures = _READERS[kind](content, max_pixels)
    count, height, width = pictures.shape
    check_count("the file", count, size, max_pixels)
    return Upload(kind, torch.from_numpy(fit(pictures, size))[:, None], (height, width))
