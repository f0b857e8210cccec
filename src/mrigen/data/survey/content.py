"""What is in each slice, and what the rules of selection would make of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from mrigen.data.records import Plane
from mrigen.data.slicing.cohort import outlier_cut
from mrigen.data.slicing.geometry import SLICE_AXIS
from mrigen.data.slicing.selection import OutlierContent, is_contiguous

Counts = npt.NDArray[np.int64]
Numbers = npt.NDArray[np.float64]

#: Measures of a slice that the rules cut, with the words for them.
MEASURES = {
    "nonzero_count": "pixels that are not 0",
    "nonzero_mean": "mean of the pixels that are not 0",
    "brain_fraction": "share of the slice that is brain",
}
#: The measures that have rules on outliers, and the cuts of those, with the words for them.
RULES: tuple[Literal["nonzero_count", "nonzero_mean"], ...] = ("nonzero_count", "nonzero_mean")
CUTS: dict[Literal["q1", "q1_iqr", "sd3"], str] = {
    "q1": "Q1",
    "q1_iqr": "Q1 - 1.5 IQR",
    "sd3": "mean - 3 sd",
}


@dataclass(frozen=True, eq=False)
class SliceContent:
    """The slices of one scan along one plane, on its own grid, the lowest first.

    Attributes
    ----------
    plane
        Direction of the cut.
    nonzero_count : (N,) int64
        Pixels whose intensity is not 0.
    nonzero_mean : (N,) float64
        Mean intensity of those; 0 in a slice without any.
    brain_fraction : (N,) float64 in [0, 1]
        Share of the slice inside the brain mask; None without a mask.
    """

    plane: Plane
    nonzero_count: Counts
    nonzero_mean: Numbers
    brain_fraction: Numbers | None = None

    def values(self, measure: str) -> Numbers:
        """Return one of `MEASURES`, a number a slice; none where it was not measured."""
        values = getattr(self, measure)
        return np.empty(0) if values is None else np.asarray(values, np.float64)


def measure_content(
    array: npt.NDArray[np.float32], plane: Plane, mask: npt.NDArray[np.bool_] | None = None
) -> SliceContent:
    """Measure every slice of a volume.

    Parameters
    ----------
    array : (X, Y, Z) float32
        Finite intensities in RAS+.
    plane
        Direction of the cut.
    mask : (X, Y, Z) bool
        The brain.
    """
    axis = SLICE_AXIS[plane]
    others = tuple(sorted({0, 1, 2} - {axis}))
    count = np.count_nonzero(array, axis=others)
    total = array.sum(axis=others, dtype=np.float64)
    return SliceContent(
        plane=plane,
        nonzero_count=np.asarray(count, np.int64),
        nonzero_mean=total / np.maximum(count, 1),
        brain_fraction=None if mask is None else mask.mean(axis=others, dtype=np.float64),
    )


class Verdict(NamedTuple):
    """What one rule would keep.

    Attributes
    ----------
    measure, cut
        Which rule: a key of `MEASURES` and, of the rules on outliers, one of `CUTS`.
    value
        Slices below it are dropped; of the brain rule, those not above it.
    kept, slices
        Of all slices of all scans.
    emptied
        Scans that would be left without a slice.
    """

    measure: str
    cut: str
    value: float
    kept: int
    slices: int
    emptied: int


def judge(contents: Sequence[SliceContent], above: float) -> list[Verdict]:
    """Try every rule on all scans of one modality.

    Parameters
    ----------
    contents
        One per scan.
    above
        Share of brain that the brain rule asks for.
    """
    verdicts = []
    for measure in RULES:
        parts = [content.values(measure) for content in contents]
        for cut in CUTS:
            rule = OutlierContent(rule=measure, cut=cut)
            value = outlier_cut(np.concatenate(parts), rule)
            verdicts.append(_verdict(measure, cut, value, [part >= value for part in parts]))
    masked = [c.brain_fraction for c in contents if c.brain_fraction is not None]
    if masked:
        verdicts.append(_verdict("brain_fraction", "", above, [part > above for part in masked]))
    return verdicts


def _verdict(
    measure: str, cut: str, value: float, keeps: Sequence[npt.NDArray[np.bool_]]
) -> Verdict:
    return Verdict(
        measure=measure,
        cut=cut,
        value=value,
        kept=sum(int(keep.sum()) for keep in keeps),
        slices=sum(len(keep) for keep in keeps),
        emptied=sum(not keep.any() for keep in keeps),
    )


class KeptRanges(NamedTuple):
    """Which slices of each scan the brain rule keeps; scans without any are left away.

    Attributes
    ----------
    first, last : (V,) int64
        Slice numbers.
    number : (V,) int64
        Slices kept.
    contiguous
        Scans of which every slice between the first and the last is kept.
    """

    first: Counts
    last: Counts
    number: Counts
    contiguous: int


def kept_ranges(contents: Sequence[SliceContent], above: float) -> KeptRanges:
    """Return which slices the brain rule keeps, a scan an entry."""
    kept = [
        np.flatnonzero(content.brain_fraction > above)
        for content in contents
        if content.brain_fraction is not None
    ]
    some = [indices for indices in kept if len(indices)]
    return KeptRanges(
        first=np.array([indices[0] for indices in some], np.int64),
        last=np.array([indices[-1] for indices in some], np.int64),
        number=np.array([len(indices) for indices in some], np.int64),
        contiguous=sum(map(is_contiguous, some)),
    )
