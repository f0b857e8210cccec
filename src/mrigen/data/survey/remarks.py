"""What is worth knowing of a cohort before it is used, in sentences."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

import numpy as np

from mrigen.data.scans import Scan
from mrigen.data.survey.measure import FileFacts, FileMeasures

#: Degrees from which a volume counts as oblique.
OBLIQUE_DEGREES = 5.0
#: Share by which a voxel size may differ from the usual one.
SPACING_TOLERANCE = 0.02
#: An image with fewer different intensities may be a label map.
FEW_INTENSITIES = 20

_SHOWN = 3


@dataclass(frozen=True)
class Group:
    """Files that are stored alike.

    Attributes
    ----------
    facts
        Of the first of them; the others have the same but for their path and tilt.
    files
        In the order of the cohort.
    """

    facts: FileFacts
    files: tuple[FileMeasures, ...]

    @property
    def intensity_range(self) -> tuple[float, float] | None:
        """The lowest and the highest intensity; None where only headers were read."""
        found = [scan.intensities for file in self.files for scan in file.scans]
        if not found:
            return None
        return min(scan.minimum for scan in found), max(scan.maximum for scan in found)


def group_files(files: Iterable[FileMeasures]) -> list[Group]:
    """Group files by shape, voxel size, orientation, type and channels; the largest group first."""
    groups: dict[tuple[object, ...], list[FileMeasures]] = defaultdict(list)
    for file in files:
        facts = file.facts
        spacing = facts.spacing_mm and tuple(round(size, 3) for size in facts.spacing_mm)
        key = (facts.orientation, facts.shape, spacing, facts.dtype, facts.channels)
        groups[key].append(file)
    ordered = sorted(groups.values(), key=len, reverse=True)
    return [Group(members[0].facts, tuple(members)) for members in ordered]


def find_remarks(files: Sequence[FileMeasures], scans: Sequence[Scan]) -> list[str]:
    """Say what stands out: orientations, tilts, voxel sizes, mended voxels, equal images."""
    facts = [file.facts for file in files]
    return [
        *_mixed(facts),
        *_oblique(facts),
        *_odd_spacing(facts),
        *_mended(files),
        *_negative(files),
        *_like_labels(files),
        *_equal(files, {scan.path: scan.subject for scan in scans}),
    ]


def _mixed(facts: Sequence[FileFacts]) -> Iterator[str]:
    for what, values in (
        ("orientations", [entry.orientation for entry in facts]),
        ("types of numbers", [entry.dtype for entry in facts]),
    ):
        counts = Counter(value for value in values if value is not None).most_common()
        if len(counts) > 1:
            parts = ", ".join(f"{value} in {_files(count)}" for value, count in counts)
            extra = ": all are turned to RAS+ when they are read" if what == "orientations" else ""
            yield f"there are {len(counts)} {what} ({parts}){extra}"


def _oblique(facts: Sequence[FileFacts]) -> Iterator[str]:
    tilted = [entry for entry in facts if (entry.tilt_degrees or 0) > OBLIQUE_DEGREES]
    if tilted:
        steepest = max(entry.tilt_degrees or 0 for entry in tilted)
        yield (
            f"{_files(len(tilted))} {_were(tilted, 'is', 'are')} oblique, by up to "
            f"{steepest:.0f} degrees ({_names(tilted)}): slices are kept as they were scanned"
        )


def _odd_spacing(facts: Sequence[FileFacts]) -> Iterator[str]:
    sizes = [(entry, _upright(entry)) for entry in facts if entry.spacing_mm is not None]
    if len(sizes) < 3:
        return
    usual = np.median([size for _, size in sizes], axis=0)
    odd = [entry for entry, size in sizes if (abs(size / usual - 1) > SPACING_TOLERANCE).any()]
    if odd:
        words = " x ".join(f"{size:.3g}" for size in usual)
        yield (
            f"{_files(len(odd))} {_were(odd, 'has', 'have')} voxels that differ from the usual "
            f"{words} mm (right, front, top) by more than {SPACING_TOLERANCE:.0%} ({_names(odd)})"
        )


def _upright(facts: FileFacts) -> "np.ndarray[tuple[int], np.dtype[np.float64]]":
    # Sizes in the order right, front, top, so that turned files compare.
    spacing, orientation = facts.spacing_mm or (), facts.orientation or ""
    places = [{"L": 0, "R": 0, "A": 1, "P": 1, "S": 2, "I": 2}[axis] for axis in orientation]
    return np.array([spacing[places.index(axis)] for axis in range(3)], np.float64)


def _mended(files: Sequence[FileMeasures]) -> Iterator[str]:
    mended = [file for file in files if any(scan.nonfinite for scan in file.scans)]
    if mended:
        voxels = sum(scan.nonfinite for file in mended for scan in file.scans)
        names = _names([file.facts for file in mended])
        yield (
            f"{_files(len(mended))} {_were(mended, 'has', 'have')} NaN or infinite voxels, "
            f"{voxels} in all, which count as 0 ({names})"
        )


def _negative(files: Sequence[FileMeasures]) -> Iterator[str]:
    below = [file for file in files if any(scan.intensities.minimum < 0 for scan in file.scans)]
    if below:
        lowest = min(scan.intensities.minimum for file in below for scan in file.scans)
        names = _names([file.facts for file in below])
        yield (
            f"{_files(len(below))} {_were(below, 'has', 'have')} intensities below 0, down to "
            f"{lowest:.4g} ({names}): air is not black there"
        )


def _like_labels(files: Sequence[FileMeasures]) -> Iterator[str]:
    few = [
        file
        for file in files
        if any(scan.intensities.different < FEW_INTENSITIES for scan in file.scans)
    ]
    if few:
        yield (
            f"{_files(len(few))} {_were(few, 'holds', 'hold')} fewer than {FEW_INTENSITIES} "
            f"different intensities ({_names([file.facts for file in few])}): label maps?"
        )


def _equal(files: Sequence[FileMeasures], subjects: dict[str, str]) -> Iterator[str]:
    owners: dict[str, list[FileFacts]] = defaultdict(list)
    for file in files:
        for scan in file.scans:
            if scan.digest is not None:
                owners[scan.digest].append(file.facts)
    for facts in owners.values():
        if len(facts) < 2:
            continue
        names = _names(facts)
        if len({entry.path for entry in facts}) == 1:
            yield f"channels of one file hold the same image ({PurePosixPath(facts[0].path).name})"
        elif len({subjects.get(entry.path) for entry in facts}) > 1:
            yield (
                f"files of different subjects hold the same image ({names}), which could be "
                "trained on and tested on: remove all but one"
            )
        else:
            yield f"files of one subject hold the same image ({names}): remove all but one"


def _files(count: int) -> str:
    return f"{count} file{'s' if count != 1 else ''}"


def _were(things: Sequence[object], one: str, many: str) -> str:
    return one if len(things) == 1 else many


def _names(facts: Sequence[FileFacts]) -> str:
    names = [PurePosixPath(entry.path).name for entry in facts]
    rest = len(names) - _SHOWN
    return ", ".join(names[:_SHOWN]) + (f" and {rest} more" if rest > 0 else "")
