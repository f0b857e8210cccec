"""Small made-up cohorts in the layouts that people have, and the files that break them."""

import gzip
import os
import struct
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path

import nibabel as nib
import numpy as np
import numpy.typing as npt
from PIL import Image

from phantoms import head, truncate, write_huge, write_volume

SMALL = (6, 7, 8)


def small_head(path: Path, *, seed: int = 0) -> Path:
    """Write a head of few voxels."""
    return write_volume(path, head(SMALL, (30.0, 30.0, 25.0), seed=seed))


def write_bids(
    folder: Path,
    *,
    labels: Sequence[str] = ("01", "02", "03"),
    sessions: Sequence[str] = (),
    suffixes: Sequence[str] = ("T1w",),
    rows: Sequence[str] | None = None,
) -> list[Path]:
    """Write heads in the layout of BIDS; `rows` become `participants.tsv`, heading first."""
    paths = []
    for number, label in enumerate(labels):
        for session in sessions or ("",):
            parts = [f"sub-{label}", f"ses-{session}"] if session else [f"sub-{label}"]
            place = folder.joinpath(*parts, "anat")
            paths += [
                small_head(place / f"{'_'.join(parts)}_{suffix}.nii.gz", seed=number)
                for suffix in suffixes
            ]
    if rows is not None:
        (folder / "participants.tsv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    return paths


def write_picture(path: Path, pixels: npt.NDArray[np.generic] | None = None) -> Path:
    """Write a PNG or JPEG, grey or colour by the shape of the pixels; by default a ramp."""
    if pixels is None:
        pixels = np.arange(30, dtype=np.uint8).reshape(5, 6) * 8
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)
    return path


def png(width: int, height: int, *chunks: tuple[bytes, bytes]) -> bytes:
    """Return a grey PNG that declares a size, with other chunks before its few pixels."""
    size = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    parts = [(b"IHDR", size), *chunks, (b"IDAT", zlib.compress(bytes(100))), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in parts
    )


def _changed(path: Path, change: Callable[[nib.Nifti1Header], None]) -> None:
    write_volume(path.with_suffix(""), head(SMALL, (30.0, 30.0, 25.0)))
    data = path.with_suffix("").read_bytes()
    header = nib.Nifti1Header(data[:348], check=False)
    change(header)
    path.write_bytes(gzip.compress(header.binaryblock + data[348:], mtime=0))
    path.with_suffix("").unlink()


def _no_orientation(header: nib.Nifti1Header) -> None:
    header["sform_code"] = header["qform_code"] = 0


def _zero_spacing(header: nib.Nifti1Header) -> None:
    header["srow_x"] = header["srow_y"] = header["srow_z"] = 0


def _negative_spacing(header: nib.Nifti1Header) -> None:
    header["sform_code"] = 0
    header["pixdim"][1:4] = -30


def _cut_off(path: Path) -> None:
    truncate(small_head(path), 0.05)


# Ways to spoil a volume, each with words of the sentence that should tell of it.
BAD_VOLUMES: dict[str, tuple[Callable[[Path], object], str]] = {
    "truncated": (_cut_off, "cannot be read (Compressed file ended"),
    "no gzip": (lambda path: path.write_bytes(b"hello" * 200), "cannot be read (Not a gzipped"),
    "empty": (lambda path: path.write_bytes(b""), "has no NIfTI header in its first 0 bytes"),
    "no NIfTI": (
        lambda path: path.write_bytes(gzip.compress(bytes(1000), mtime=0)),
        "has no NIfTI header",
    ),
    "a billion voxels": (
        lambda path: write_huge(path, (1000, 1000, 1000)),
        "declares 1000000000 voxels",
    ),
    "2-D": (lambda path: write_volume(path, np.zeros((8, 8, 1))), "expected three dimensions"),
    "5-D": (
        lambda path: write_volume(path, np.zeros((4, 4, 4, 2, 2))),
        "has shape (4, 4, 4, 2, 2): expected three dimensions",
    ),
    "no orientation": (lambda path: _changed(path, _no_orientation), "states no orientation"),
    "zero spacing": (lambda path: _changed(path, _zero_spacing), "impossible geometry"),
    "negative spacing": (lambda path: _changed(path, _negative_spacing), "impossible geometry"),
    "a pipe": (os.mkfifo, "is not an ordinary file"),
    "a link to itself": (lambda path: path.symlink_to(path.name), "Too many levels of symbolic"),
    "a broken link": (lambda path: path.symlink_to("gone"), "No such file"),
}
