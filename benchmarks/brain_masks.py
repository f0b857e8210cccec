"""Brain masks against a reference, and the slices that Arnaiz's rule keeps by them.

Run `python benchmarks/brain_masks.py HEADS SEGMENTATIONS`: two folders of NIfTI files, where the
name of a segmentation begins like that of its head without `-T1`. Every label above 0 counts as
brain. With `--ranges`, a CSV file of first and last slices as the study published them is compared
with those found here, on the study's number of slices. Masks are kept in a folder, and a second
run with the same `--cache` only reads them.
"""

import argparse
import logging
import resource
import statistics
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np

from mrigen.data.masks.brain_mask import BrainMaskConfig, brain_mask
from mrigen.data.scans import Scan
from mrigen.data.slicing.selection import BrainContent, is_contiguous, keep_by_content
from mrigen.data.slicing.slice_tables import read_slice_table, scan_name
from mrigen.data.volumes.reading import Mask, read_channels, read_labels

MOST_VOXELS = 2**28
STUDY_SLICES = 150


class Result(NamedTuple):
    """What one head gives."""

    name: str
    dice: float
    ratio: float  # volume of the mask over that of the reference
    seconds: float
    slices: int
    first: int
    last: int
    kept: int
    contiguous: bool
    reference_first: int
    reference_last: int
    reference_contiguous: bool


def measure(path: Path, segmentations: Path, cache: Path) -> Result:
    name = scan_name(path.name)
    (volume,) = read_channels(path, [None], max_voxels=2**28)
    scan = Scan(path=path.name, source="heads", subject=name, modality="T1w")
    start = time.perf_counter()
    mask = brain_mask(volume, scan, BrainMaskConfig(), root=path.parent, cache=cache)
    seconds = time.perf_counter() - start
    (segmentation,) = segmentations.glob(f"{name.removesuffix('-T1')}[_-]*.nii*")
    reference = read_labels(segmentation, volume, MOST_VOXELS) > 0
    kept, kept_reference = keep(mask), keep(reference)
    return Result(
        name=name,
        dice=2 * np.count_nonzero(mask & reference) / (mask.sum() + reference.sum()),
        ratio=mask.sum() / reference.sum(),
        seconds=seconds,
        slices=len(mask),
        first=int(kept[0]),
        last=int(kept[-1]),
        kept=len(kept),
        contiguous=is_contiguous(kept),
        reference_first=int(kept_reference[0]),
        reference_last=int(kept_reference[-1]),
        reference_contiguous=is_contiguous(kept_reference),
    )


def keep(mask: Mask) -> np.ndarray:
    """Return the sagittal slices that Arnaiz's rule keeps."""
    shares = mask.mean(axis=(1, 2), dtype=np.float64)
    return keep_by_content(BrainContent(rule="brain"), np.arange(len(mask)), shares)


def show(what: str, values: list[float], digits: int = 4) -> None:
    spread = statistics.stdev(values) if len(values) > 1 else 0.0
    numbers = (statistics.mean(values), spread, min(values), max(values))
    print(f"{what:<44}" + "".join(f"{number:>10.{digits}f}" for number in numbers))


def to_study(index: int, slices: int) -> float:
    """Return where a slice lies among the study's slices of the same field of view."""
    return (index + 0.5) / slices * STUDY_SLICES - 0.5


def compare(results: list[Result], ranges: Path) -> None:
    table = read_slice_table(ranges.parent, ranges.name)
    known = [result for result in results if result.name in table]
    print(f"\n{len(known)} of them have a published range, of {STUDY_SLICES} slices")
    for end in ("first", "last"):
        here = [to_study(getattr(result, end), result.slices) for result in known]
        there = [float(getattr(table[result.name], end)) for result in known]
        show(f"{end} slice here, on {STUDY_SLICES}", here, 2)
        show(f"{end} slice published", there, 2)
        show("  here - published", [a - b for a, b in zip(here, there, strict=True)], 2)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("heads", type=Path)
    parser.add_argument("segmentations", type=Path)
    parser.add_argument("--ranges", type=Path)
    parser.add_argument("--cache", type=Path)
    parser.add_argument("--each", action="store_true", help="print every head")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO)
    with tempfile.TemporaryDirectory() as folder:
        cache = arguments.cache or Path(folder)
        paths = sorted(arguments.heads.glob("*.nii*"))
        results = [measure(path, arguments.segmentations, cache) for path in paths]
    if arguments.each:
        for result in results:
            print(f"{result.name:<28}{result.dice:.4f}  {result.first:3d} to {result.last:3d}")
    print(f"{len(results)} heads{'':<36}" + "".join(f"{word:>10}" for word in HEADINGS))
    show("Dice with the reference", [result.dice for result in results])
    worst = min(results, key=lambda result: result.dice)
    print(f"  the lowest is that of {worst.name}")
    show("volume over that of the reference", [result.ratio for result in results])
    show("seconds per volume", [result.seconds for result in results], 2)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"{'peak memory of the process, GiB':<44}{memory:>10.2f}")
    print("\nsagittal slices with more than 3000 of 65536 pixels in the mask")
    show("kept", [float(result.kept) for result in results], 1)
    show("  share of all", [result.kept / result.slices for result in results])
    contiguous = sum(result.contiguous for result in results)
    by_reference = sum(result.reference_contiguous for result in results)
    print(f"{'heads whose slices are contiguous':<44}{contiguous:>10}")
    print(f"{'the same by the reference':<44}{by_reference:>10}")
    for end in ("first", "last"):
        apart = [getattr(result, end) - getattr(result, f"reference_{end}") for result in results]
        show(f"{end} slice, mask - reference", [float(number) for number in apart], 2)
    if arguments.ranges:
        compare(results, arguments.ranges)


HEADINGS = ("mean", "sd", "min", "max")

if __name__ == "__main__":
    main()
