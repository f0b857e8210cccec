"""Samples as one picture, or as a file that is made while they are computed."""

from typing import Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from mrigen.data.export.stacks import stack_header, stack_pixels
from mrigen.images import contact_sheet, to_uint8
from mrigen.serving.encoding.archives import ArrayArchive, FileArchive
from mrigen.serving.encoding.pictures import quick_png
from mrigen.serving.schemas import SampleFormat
from mrigen.serving.work import Drawing

MEDIA_TYPES: dict[SampleFormat, str] = {
    "png": "image/png",
    "zip": "application/zip",
    "npz": "application/x-npz",
    "nifti": "application/x-nifti",
}
ENDINGS: dict[SampleFormat, str] = {"png": "png", "zip": "zip", "npz": "npz", "nifti": "nii"}


class Encoder(Protocol):
    """A file in the making; the parts that are returned are the file."""

    @property
    def size(self) -> int | None:
        """Bytes of the whole file, as soon as they are known."""
        ...

    def add(self, images: Tensor) -> bytes:
        """Take the next images, (N, 1, H, W) float32 in [0, 1]; return what can be sent."""
        ...

    def finish(self) -> bytes:
        """Return the rest."""
        ...


def sample_encoder(
    file_format: SampleFormat, work: Drawing, *, name: str, version: int, image_size: int
) -> Encoder:
    """Begin a file of samples.

    Parameters
    ----------
    file_format
        "png" holds a sheet of all samples, "zip" a picture for each, "npz" the arrays `images`
        (N, H, W) float32 and `seeds` (N,) int64, `condition_<name>` (N,) float32 for each
        condition that was asked for, and `quick` (N,) bool, all true, for quick ones alone;
        "nifti" is one uncompressed stack.
    work
        What will be drawn.
    name, version
        Of the model; the pictures in a ZIP are named by them, and the stack says them.
    image_size
        Height and width in pixels.
    """
    if file_format == "png":
        return _Sheet()
    if file_format == "zip":
        return _Pictures(file_stem(work, name=name, version=version), work.seeds)
    if file_format == "npz":
        return _Arrays(work, image_size)
    kind = "independent synthetic slices" + ", quick" * work.quick
    words = f"{kind}: {name}/{version} seed {work.seeds.start}"
    return _Stack(len(work), image_size, words)


def file_stem(work: Drawing, *, name: str, version: int) -> str:
    """Return what the names of files of samples begin with, such as "vae-3" or "flow-1-quick"."""
    return f"{name}-{version}-quick" if work.quick else f"{name}-{version}"


class _Sheet:
    def __init__(self) -> None:
        self.size: int | None = None
        self._images: list[Tensor] = []

    def add(self, images: Tensor) -> bytes:
        self._images.append(images)
        return b""

    def finish(self) -> bytes:
        content = quick_png(contact_sheet(torch.cat(self._images)))
        self.size = len(content)
        return content


class _Pictures:
    size = None  # pictures differ in length

    def __init__(self, stem: str, seeds: range) -> None:
        self._stem, self._seeds, self._archive = stem, seeds, FileArchive()

    def add(self, images: Tensor) -> bytes:
        count = len(images)
        for seed, picture in zip(self._seeds[:count], to_uint8(images)[:, 0], strict=True):
            self._archive.add(f"{self._stem}-{seed}.png", quick_png(picture))
        self._seeds = self._seeds[count:]
        return self._archive.taken()

    def finish(self) -> bytes:
        return self._archive.finish()


class _Arrays:
    def __init__(self, work: Drawing, image_size: int) -> None:
        count = len(work)
        before: dict[str, npt.NDArray[np.generic]] = {"seeds": np.array(work.seeds, dtype="<i8")}
        for name, value in work.conditions.items():
            before[f"condition_{name}"] = np.full(count, value, dtype="<f4")
        if work.quick:
            before["quick"] = np.full(count, fill_value=True)
        self._archive = ArrayArchive(before, "images", (count, image_size, image_size))
        self.size = self._archive.size

    def add(self, images: Tensor) -> bytes:
        return self._archive.add(images[:, 0].numpy())

    def finish(self) -> bytes:
        return self._archive.finish()


class _Stack:
    def __init__(self, count: int, image_size: int, words: str) -> None:
        self._next = stack_header(count, image_size, image_size, words=words)
        self.size = len(self._next) + 4 * count * image_size**2

    def add(self, images: Tensor) -> bytes:
        start, self._next = self._next, b""
        return start + stack_pixels(images[:, 0].numpy())

    def finish(self) -> bytes:
        return b""
