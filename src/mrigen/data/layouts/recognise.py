"""Which layout a folder has, told from the names in it."""

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from mrigen.data.layouts import folder as volumes
from mrigen.data.layouts import ixi, pictures
from mrigen.data.layouts.bids import TABLE
from mrigen.data.layouts.config import SourceConfig
from mrigen.data.layouts.ixi_table import TABLE_NAMES
from mrigen.data.layouts.people import find_split
from mrigen.data.layouts.place import Place, visible
from mrigen.errors import DataError

# How slices are named by the studies and by common converters: the person, then the slice. The
# first that most names follow is taken.
_PATTERNS = (
    # Tablado and Arnaiz: IXI002-Guys-0828-T1_17.png
    r"(?P<subject>[A-Za-z]+\d+)-(?P<site>[^-/_]+)-\d+-T1_(?P<index>\d+)\.",
    # Feliu, by med2image: BRATS_001-frame000-slice060.jpg
    r"(?P<subject>[^/]+?)[-_]frame\d+[-_]slice(?P<index>\d+)\.",
    r"(?P<subject>[^/]+?)[-_](?:slice|z)?[-_]?(?P<index>\d+)\.[A-Za-z]+$",
    r"(?P<subject>[^/]+)/(?:[^/]*[^/\d])?(?P<index>\d+)\.[A-Za-z]+$",
)
_ENOUGH = 0.9
_TABLES = ("participants.tsv", "people.csv", "people.tsv", "subjects.csv", "subjects.tsv")


class Recognised(NamedTuple):
    """The layout of a folder.

    Attributes
    ----------
    config
        A source that reads the folder, with the path ".".
    reason
        What it was recognised by, and what has been guessed.
    """

    config: SourceConfig
    reason: str


def recognise(folder: Path, *, follow_links: bool = False) -> Recognised:
    """Tell the layout of a folder from the names in it; no file is read.

    Parameters
    ----------
    folder
        That may hold a cohort.
    follow_links
        Also look into folders outside that symbolic links point to, and follow links later on.

    Raises
    ------
    DataError
        If it is no folder, cannot be listed, or has none of the layouts.
    """
    if not folder.is_dir():
        raise DataError(f"'{folder}' is not a folder: expected one that holds a cohort.")
    try:
        names = visible(folder)
        special = _decathlon(folder) or _bids(names) or _ixi(folder, names)
        found = special or _by_files(folder, follow_links=follow_links)
        config = found.config.model_copy(update={"follow_links": follow_links})
        return found._replace(config=config)
    except OSError as error:
        raise DataError(
            f"'{folder}' cannot be read ({error.strerror}): correct its permissions."
        ) from None


def _recognised(reason: str, **options: Any) -> Recognised:
    return Recognised(SourceConfig(path=".", **options), reason)


def _decathlon(folder: Path) -> Recognised | None:
    if not (folder / "dataset.json").is_file() or not (folder / "imagesTr").is_dir():
        return None
    return _recognised("it holds dataset.json and imagesTr", layout="decathlon")


def _bids(names: Sequence[Path]) -> Recognised | None:
    subjects = [path.name for path in names if path.name.startswith("sub-") and path.is_dir()]
    if not subjects:
        return None
    table = f" and {TABLE}" if any(path.name == TABLE for path in names) else ""
    return _recognised(f"it holds {len(subjects)} folders sub-*{table}", layout="bids")


def _ixi(folder: Path, names: Sequence[Path]) -> Recognised | None:
    if any((folder / place).is_dir() for place in ixi.FOLDERS[1:]):
        return _recognised(f"it holds the folder {ixi.FOLDERS[1]}", layout="ixi")
    images = [path for path in names if path.name.lower().endswith(volumes.ENDINGS)]
    named = sum(ixi.NAME.fullmatch(path.name) is not None for path in images)
    table = any((folder / name).is_file() for name in TABLE_NAMES)
    if not named or named < len(images) * (0.5 if table else _ENOUGH):
        return None
    return _recognised(
        f"{named} of its {len(images)} NIfTI files are named like those of the IXI release",
        layout="ixi",
    )


def _by_files(folder: Path, *, follow_links: bool) -> Recognised:
    config = SourceConfig(layout="folder", path=".", follow_links=follow_links)
    place = Place(folder, "folder", config)
    files = [place.within(path) for path in place.walk()[0]]
    images = [name for name in files if name.lower().endswith(volumes.ENDINGS)]
    slices = [name for name in files if name.lower().endswith(pictures.ENDINGS)]
    table = next((name for name in _TABLES if name in files), None)
    told = f", and {table}" if table else ""
    if images and len(images) * 100 >= len(slices):
        return _recognised(
            f"it holds {len(images)} NIfTI files{told}; each is taken for a person of its own "
            "until 'subject' says otherwise",
            layout="folder",
            table=table,
        )
    if slices:
        return _recognised(
            f"it holds {len(slices)} PNG or JPEG files{told}; 'subject' and 'plane' are guesses",
            layout="pictures",
            table=table,
            subject=_guess_pattern(slices),
            plane="axial",
        )
    raise DataError(
        f"'{folder}' holds no cohort: expected dataset.json (Decathlon), sub-* (BIDS), "
        "IXI###-SITE-####-T1.nii.gz (IXI), other .nii or .nii.gz files, or PNG or JPEG slices, "
        f"and found {_kinds(files)}."
    )


def _guess_pattern(names: Sequence[str]) -> str:
    pattern = next(
        (
            pattern
            for pattern in _PATTERNS
            if sum(re.search(pattern, name) is not None for name in names) >= _ENOUGH * len(names)
        ),
        # Nothing is known of the names: one folder, or else one picture, is a person.
        r"(?P<subject>[^/]+)/[^/]+$" if all("/" in name for name in names) else _STEM,
    )
    words = sorted({name.partition("/")[0] for name in names})
    if len(words) > 1 and all(map(find_split, words)):
        return rf"^(?P<split>{'|'.join(map(re.escape, words))})/(?:.*/)?{pattern}"
    return pattern


_STEM = r"(?P<subject>[^/]+)\.[A-Za-z]+$"


def _kinds(files: Sequence[str]) -> str:
    if not files:
        return "no file"
    counts = Counter(Path(name).suffix.lower() or "no ending" for name in files)
    return ", ".join(f"{count} files with {kind}" for kind, count in counts.most_common(3))
