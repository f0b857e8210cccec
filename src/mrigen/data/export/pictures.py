"""A slice store as PNG or JPEG files, in a plain layout or in those of three studies."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
from PIL import Image

from mrigen.data.export.folder import MANIFEST, export_folder
from mrigen.data.export.names import StoredScan, stored_scans
from mrigen.data.records import Pixels
from mrigen.data.store.slice_store import SliceStore
from mrigen.errors import DataError

Study = Literal["tablado", "arnaiz", "feliu"]

_AT_ONCE = 256


@dataclass(frozen=True)
class PictureLayout:
    """Where a study kept its pictures, and how it named them.

    Attributes
    ----------
    folders
        Of each split.
    ending
        "png", which keeps every pixel, or "jpg", which does not.
    by_subject
        A folder for each subject.
    numbered
        Pictures of a scan bear their place among the scan's, training first and test last, in
        place of the slice number.
    """

    folders: dict[str, str]
    ending: Literal["png", "jpg"] = "png"
    by_subject: bool = False
    numbered: bool = False


PLAIN = PictureLayout(
    {"train": "train", "validation": "validation", "test": "test"}, by_subject=True
)
STUDIES: dict[Study, PictureLayout] = {
    # <volume>_<position>.png, the position in the study's shuffled order, of which the last were
    # the test set. It has no validation set; the folder is ours.
    "tablado": PictureLayout(
        {"train": "training/t1", "validation": "validation/t1", "test": "test/t1"}, numbered=True
    ),
    # <volume>_<slice>.png; the study drew training and validation from one folder.
    "arnaiz": PictureLayout(
        {
            "train": "train_val_folder/train_and_val",
            "validation": "train_val_folder/train_and_val",
            "test": "test_folder/test",
        }
    ),
    # JPEG files by med2image in one folder, without a split; the names are ours.
    "feliu": PictureLayout({"train": "", "validation": "", "test": ""}, ending="jpg"),
}
# What Pillow, and matplotlib through it, takes where nobody names a quality.
_JPEG_QUALITY = 75


def export_pictures(
    store: SliceStore,
    path: Path,
    *,
    study: Study | None = None,
    report: Callable[[int, int], None] = lambda done, total: None,  # noqa: ARG005 - shows nothing
) -> int:
    """Write every slice as a picture, and `manifest.csv` with a row for each.

    Parameters
    ----------
    store
        What to write; eight bits for a study that kept JPEG files.
    path
        The folder; absent, empty or an earlier export.
    study
        Whose layout; None is `<split>/<subject>/<scan>_<slice>.png`.
    report
        Called with the slices so far and in all.

    Returns
    -------
    How many pictures there are.

    Raises
    ------
    DataError
        If the folder is in use, or JPEG cannot hold the pixels.
    """
    layout = PLAIN if study is None else STUDIES[study]
    if layout.ending == "jpg" and store.bits != 8:
        raise DataError(
            f"dataset '{store.path.name}' has {store.bits} bits: expected 8, as a JPEG file holds "
            "no more. Set bits: 8 in params.yaml, or export without --study."
        )
    done = 0
    rows, files = [], []
    with export_folder(path, store) as folder:
        for split in store.manifest["split"].unique():
            (folder / layout.folders[split]).mkdir(parents=True, exist_ok=True)
        for row, name, picture in _pictures(store, layout):
            target = folder / name
            if layout.by_subject:
                target.parent.mkdir(exist_ok=True)
            target.write_bytes(_encode(picture, layout.ending))
            rows.append(row)
            files.append(name)
            done += 1
            report(done, len(store))
        manifest = store.manifest.iloc[rows]
        manifest.insert(0, "file", pd.Series(files, index=manifest.index))
        manifest.to_csv(folder / MANIFEST, index=False, lineterminator="\n")
    return done


def _pictures(store: SliceStore, layout: PictureLayout) -> Iterator[tuple[int, str, Pixels]]:
    splits = store.manifest["split"].to_numpy()
    indices = store.manifest["index"].to_numpy()
    for scan in stored_scans(store.manifest):
        numbers = _numbers(scan, splits) if layout.numbered else indices[scan.rows]
        for start in range(0, len(scan.rows), _AT_ONCE):
            rows = scan.rows[start : start + _AT_ONCE]
            for row, number, picture in zip(
                rows, numbers[start : start + _AT_ONCE], store.read(rows), strict=True
            ):
                place = [layout.folders[splits[row]], scan.subject if layout.by_subject else ""]
                name = f"{scan.name}_{number}.{layout.ending}"
                yield int(row), "/".join([*filter(None, place), name]), picture


def _numbers(scan: StoredScan, splits: npt.NDArray[np.object_]) -> list[int]:
    order = ("train", "validation", "test")
    ranked = sorted(range(len(scan.rows)), key=lambda place: order.index(splits[scan.rows[place]]))
    return [ranked.index(place) for place in range(len(ranked))]


def _encode(picture: Pixels, ending: str) -> bytes:
    buffer = BytesIO()
    image = Image.fromarray(picture)
    if ending == "jpg":
        image.save(buffer, format="JPEG", quality=_JPEG_QUALITY)
    else:
        image.save(buffer, format="PNG")
    return buffer.getvalue()
