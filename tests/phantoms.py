"""Small made-up cohorts on disk: heads whose left and front can be told from the picture.

A head is an ellipsoid of 150 x 190 x 170 mm, grey inside a bright rim. A bright ball marks the
patient's left, and a brighter one the front, so that mirrored, turned and squashed pictures show.
"""

import gzip
import json
import struct
from collections.abc import Iterable, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import numpy.typing as npt

from mrigen.data.records import ScanGrid, ScanSlices, SliceRecord
from mrigen.data.slicing.dataset import DatasetConfig
from mrigen.data.splits.config import SplitConfig
from mrigen.data.store.slice_store import SliceStore
from mrigen.data.store.writing import write_store

HEAD_MM = (150.0, 190.0, 170.0)
LEFT_MARKER, FRONT_MARKER = (-45.0, 0.0, 0.0), (0.0, 65.0, 0.0)
MARKER_RADIUS_MM = 14.0
CHANNELS = ("FLAIR", "T1w", "t1gd", "T2w")
CSV_COLUMNS = ("IXI_ID", "SEX_ID (1=m, 2=f)", "ETHNIC_ID", "AGE")

Array = npt.NDArray[np.float32]


def head(
    shape: Sequence[int] = (24, 28, 26),
    spacing_mm: Sequence[float] = (8.0, 8.0, 8.0),
    *,
    seed: int = 0,
    contrast: float = 1.0,
) -> Array:
    """Return a head in RAS+, intensities about 0 to 1000, air slightly above 0."""
    noise = np.random.default_rng(seed)
    axes = [
        (np.arange(count) - (count - 1) / 2) * size
        for count, size in zip(shape, spacing_mm, strict=True)
    ]
    x, y, z = np.meshgrid(*axes, indexing="ij")
    scale = noise.uniform(0.95, 1.05, 3) * np.asarray(HEAD_MM) / 2
    radius = np.sqrt((x / scale[0]) ** 2 + (y / scale[1]) ** 2 + (z / scale[2]) ** 2)
    array = np.where(radius < 1, 300 * contrast, 0) + np.where(abs(radius - 0.95) < 0.05, 200, 0)
    for centre, brightness in ((LEFT_MARKER, 700), (FRONT_MARKER, 950)):
        distance = np.sqrt((x - centre[0]) ** 2 + (y - centre[1]) ** 2 + (z - centre[2]) ** 2)
        array = np.where(distance < MARKER_RADIUS_MM, brightness, array)
    return (array + noise.uniform(1, 20, array.shape)).astype(np.float32)


def write_volume(
    path: Path,
    array: npt.NDArray[np.generic],
    *,
    spacing_mm: Sequence[float] = (8.0, 8.0, 8.0),
    axes: str = "RAS",
    dtype: npt.DTypeLike = np.int16,
    tilt_degrees: float = 0.0,
) -> Path:
    """Write a RAS+ array with its axes stored in another order and direction.

    `axes` names the direction in which each stored axis grows, such as "PSR"; `tilt_degrees`
    turns the head in the scanner about its left-right axis. A fourth axis stays the fourth.
    """
    angle = np.deg2rad(tilt_degrees)
    cosine, sine = np.cos(angle), np.sin(angle)
    tilt = np.array([[1, 0, 0], [0, cosine, -sine], [0, sine, cosine]])
    affine = np.eye(4)
    affine[:3, :3] = tilt @ np.diag(spacing_mm)
    affine[:3, 3] = -affine[:3, :3] @ (np.asarray(array.shape[:3]) - 1) / 2
    start = nib.orientations.axcodes2ornt("RAS")
    change = nib.orientations.ornt_transform(start, nib.orientations.axcodes2ornt(axes))
    stored = nib.orientations.apply_orientation(array, change)
    affine = affine @ nib.orientations.inv_ornt_aff(change, array.shape[:3])
    image = nib.Nifti1Image(np.asarray(stored, dtype), affine)
    image.set_qform(affine, code=1)
    image.set_sform(affine, code=1)
    path.parent.mkdir(parents=True, exist_ok=True)
    data = image.to_bytes()
    # No date and no name inside, so that the same phantom is the same file.
    path.write_bytes(gzip.compress(data, mtime=0) if path.suffix == ".gz" else data)
    return path


def write_ixi(
    folder: Path,
    *,
    subjects: int = 6,
    axes: str = "PSR",
    shape: Sequence[int] = (24, 28, 26),
    spacing_mm: Sequence[float] = (8.0, 8.0, 8.0),
    prefix: str = "IXI",
    table: bool = True,
) -> list[Path]:
    """Write heads and `IXI.csv` in the layout of the IXI release; return the heads' files."""
    sites = ("Guys", "HH", "IOP")
    paths = [
        write_volume(
            folder
            / "IXI-T1"
            / f"{prefix}{number:03d}-{sites[number % 3]}-{1000 + number}-T1.nii.gz",
            head(shape, spacing_mm, seed=number),
            spacing_mm=spacing_mm,
            axes=axes,
        )
        for number in range(1, subjects + 1)
    ]
    if table:
        rows = [(number, 1 + number % 2, 1, 20.5 + number) for number in range(1, subjects + 1)]
        write_ixi_csv(folder / "IXI.csv", rows)
    return paths


def write_ixi_csv(path: Path, rows: Iterable[Sequence[object]]) -> None:
    """Write rows of number, sex, ethnicity and age; None leaves a cell empty."""
    lines = [",".join(f'"{column}"' for column in CSV_COLUMNS)]
    lines += [",".join("" if value is None else str(value) for value in row) for row in rows]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def write_ixi_xls(path: Path, rows: Iterable[Sequence[float | None]]) -> None:
    """Write the same table as a spreadsheet of Excel's oldest format, record by record."""

    def record(kind: int, body: bytes) -> bytes:
        return struct.pack("<HH", kind, len(body)) + body

    parts = [record(0x0009, struct.pack("<HH", 2, 0x10))]
    for column, name in enumerate(CSV_COLUMNS):
        cell = struct.pack("<HH3sB", 0, column, b"\0\0\0", len(name)) + name.encode()
        parts.append(record(0x0004, cell))
    for line, row in enumerate(rows, start=1):
        for column, value in enumerate(row):
            if value is not None:
                parts.append(record(0x0003, struct.pack("<HH3sd", line, column, b"\0\0\0", value)))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"".join([*parts, record(0x000A, b"")]))


def write_decathlon(
    folder: Path,
    *,
    subjects: int = 4,
    axes: str = "LPS",
    shape: Sequence[int] = (24, 28, 26),
    spacing_mm: Sequence[float] = (8.0, 8.0, 8.0),
) -> list[Path]:
    """Write skull-stripped four-channel heads, labels and `dataset.json`; return the images."""
    cases, paths = [], []
    for number in range(1, subjects + 1):
        name = f"BRATS_{number:03d}.nii.gz"
        channels = [
            head(shape, spacing_mm, seed=number, contrast=0.5 + 0.5 * channel)
            for channel in range(len(CHANNELS))
        ]
        brains = [np.where(array > 100, array, 0) for array in channels]
        image = folder / "imagesTr" / name
        paths.append(write_volume(image, np.stack(brains, -1), spacing_mm=spacing_mm, axes=axes))
        labels = (channels[0] > 600).astype(np.uint8)
        label = folder / "labelsTr" / name
        write_volume(label, labels, spacing_mm=spacing_mm, axes=axes, dtype=np.uint8)
        cases.append({"image": f"./imagesTr/{name}", "label": f"./labelsTr/{name}"})
    description = {
        "name": "BRATS",
        "modality": {str(channel): name for channel, name in enumerate(CHANNELS)},
        "labels": {"0": "background", "1": "lesion"},
        "numTraining": len(cases),
        "training": cases,
        "test": [],
    }
    (folder / "dataset.json").write_text(json.dumps(description), encoding="utf-8")
    return paths


def truncate(path: Path, keep: float = 0.5) -> None:
    """Cut a file off, as an interrupted copy does."""
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * keep)])


def break_checksum(path: Path) -> None:
    """Change the checksum at the end of a gzip file."""
    data = bytearray(path.read_bytes())
    data[-8] ^= 0xFF
    path.write_bytes(bytes(data))


def write_huge(path: Path, shape: Sequence[int] = (30000, 30000, 30000)) -> Path:
    """Write a small file whose header declares many voxels."""
    image = nib.Nifti1Image(np.zeros((2, 2, 2), np.uint8), np.eye(4))
    image.header["dim"][1:4] = shape
    image.header["vox_offset"] = 352
    image.header["sform_code"] = 1
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(image.header.binaryblock + b"\0" * 1000, mtime=0))
    return path


def slice_store(
    path: Path,
    *,
    subjects: int = 8,
    slices: int = 4,
    size: int = 32,
    bits: int = 8,
    labels: bool = False,
    split: SplitConfig | None = None,
) -> SliceStore:
    """Write a slice store of noisy discs, without any volumes; subjects differ in size."""
    config = DatasetConfig.model_validate(
        {"source": "phantoms", "size": size, "bits": bits, "labels": labels}
        | {"split": split or SplitConfig()}
    )
    scans = disc_scans(subjects=subjects, slices=slices, size=size, bits=bits)
    return write_store(path, scans, config=config)


def disc_scans(
    *, subjects: int = 8, slices: int = 4, size: int = 32, bits: int = 8
) -> list[ScanSlices]:
    """Return the slices of noisy discs, one scan per subject, with a label of 3 on each disc."""
    return [_disc_scan(number, slices, size, bits) for number in range(subjects)]


def _disc_scan(number: int, slices: int, size: int, bits: int) -> ScanSlices:
    noise = np.random.default_rng(number)
    y, x = np.mgrid[:size, :size] - (size - 1) / 2
    radii = size * (0.25 + 0.02 * (number % 5)) * np.linspace(1, 1.2, slices)
    discs = (x**2 + (y * 0.85) ** 2)[None] < radii[:, None, None] ** 2
    pictures = np.clip(0.7 * discs + noise.uniform(0, 0.1, discs.shape), 0, 1)
    pixels = np.rint(pictures * (2**bits - 1)).astype(f"uint{bits}")
    records = [
        SliceRecord(
            subject=f"phantoms/IXI{number:03d}",
            source="phantoms",
            modality="T1w",
            plane="axial",
            index=index,
            position_mm=4.0 * index,
            spacing_mm=4.0,
            pixel_height_mm=4.0,
            pixel_width_mm=4.0,
            brain_fraction=None,
            label_fraction=None,
            declared_split=None,
            foreground_fraction=float(disc.mean()),
            age=20.0 + number,
            sex="mf"[number % 2],
            ethnicity=None,
            site=("Guys", "HH", "IOP")[number % 3],
            path=f"data/phantoms/IXI{number:03d}.nii.gz",
            channel=None,
        )
        for index, disc in enumerate(discs)
    ]
    affine = (
        (-4.0, 0.0, 0.0, 0.1),
        (0.0, -4.0, 0.0, 1.5),
        (0.0, 0.0, 4.0, 0.0),
        (0.0, 0.0, 0.0, 1.0),
    )
    grid = ScanGrid(affine, black=float(number), white=1000.0 + number)
    return ScanSlices(pixels, records, labels=(3 * discs).astype(np.uint8), grid=grid)


def slice_record(subject: str = "phantoms/a", **changes: Any) -> SliceRecord:
    """Return the record of a slice of the subject's own file; `changes` name other fields."""
    values = {field.name: None for field in fields(SliceRecord)}
    values |= {
        "subject": subject,
        "source": "phantoms",
        "modality": "T1w",
        "plane": "axial",
        "index": 0,
        "spacing_mm": 1.0,
        "foreground_fraction": 0.5,
        "path": f"data/{subject}.nii.gz",
    }
    return SliceRecord(**(values | changes))
