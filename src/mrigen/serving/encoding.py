"""Samples as files: the same samples always give the same bytes."""

from collections.abc import Sequence
from io import BytesIO
from zipfile import ZIP_STORED, ZipFile, ZipInfo

import numpy as np
import torch

from mrigen.images import contact_sheet, encode_png
from mrigen.serving.schemas import SampleFormat

MEDIA_TYPES: dict[SampleFormat, str] = {"png": "image/png", "npz": "application/octet-stream"}

_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest date a zip file can hold


def encode_samples(
    images: torch.Tensor, seeds: Sequence[int], *, file_format: SampleFormat
) -> bytes:
    """Encode samples as one PNG sheet or one NPZ archive.

    Parameters
    ----------
    images : (N, 1, H, W) float32 in [0, 1]
    seeds
        The seed of each image.
    file_format
        "png": all images in one 8-bit picture, in rows. "npz": `images`, (N, H, W) float32 in
        [0, 1], and `seeds`, (N,) int64; `numpy.load` reads it without pickle.
    """
    if file_format == "png":
        return encode_png(contact_sheet(images))
    arrays = {
        "images": images[:, 0].numpy().astype("<f4", copy=False),
        "seeds": np.array(seeds, dtype="<i8"),
    }
    buffer = BytesIO()
    # np.savez writes the time of day into the archive.
    with ZipFile(buffer, "w", ZIP_STORED) as archive:
        for name, array in arrays.items():
            with archive.open(ZipInfo(f"{name}.npy", _EPOCH), "w") as member:
                np.lib.format.write_array(member, array, allow_pickle=False)
    return buffer.getvalue()
