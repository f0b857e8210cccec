"""A cohort that has been measured, and what there is to say of it in numbers."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from mrigen.data.records import Plane
from mrigen.data.scans import LeftOut, Scan
from mrigen.data.survey.content import (
    MEASURES,
    KeptRanges,
    SliceContent,
    Verdict,
    judge,
    kept_ranges,
)
from mrigen.data.survey.intensities import PERCENTILES
from mrigen.data.survey.measure import FileFacts, FileMeasures, ScanMeasures
from mrigen.data.survey.people import Person, count_values, describe_cohort, known_ages

SYNTHETIC = "This cohort is synthetic: computed volumes, not people."
# Whom the demo cohort calls DEMO001 and so on.
_INVENTED = re.compile(r"(?:[^/]*/)?DEMO\d")
#: Of the histogram of a store's pixels.
PIXEL_BINS = 64


@dataclass(frozen=True, eq=False)
class PixelHistogram:
    """The pixels of one scan in a slice store.

    Attributes
    ----------
    modality, site
        Of the scan.
    shares : (64,) float64
        Histogram over [0, 1] of the pixels that are not black.
    """

    modality: str
    site: str | None
    shares: npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Survey:
    """A measured cohort.

    Attributes
    ----------
    source
        Key of the cohort in `params.yaml`.
    dataset
        Key of the dataset that it is seen for; None without one.
    plane
        Direction in which slices were measured.
    above
        Share of brain that the brain rule asks for.
    scans, files
        What can be used, and what was measured of it.
    left_out, notes
        What cannot, with the reason; and what is worth knowing. These alone name files.
    warnings
        What must not be overlooked of the store.
    pixels
        Of the dataset's store, a scan an entry; None without a store.
    splits
        Who is in which split of the store; None without one.
    """

    source: str
    dataset: str | None
    plane: Plane
    above: float
    scans: Sequence[Scan]
    files: Sequence[FileMeasures]
    left_out: Sequence[LeftOut]
    notes: Sequence[str]
    warnings: Sequence[str] = ()
    pixels: Sequence[PixelHistogram] | None = None
    splits: Mapping[str, Sequence[Person]] | None = None

    @property
    def notices(self) -> list[str]:
        """What stands on top of the page."""
        invented = all(_INVENTED.match(scan.subject) for scan in self.scans)
        return [*([SYNTHETIC] if invented else []), *self.warnings]

    @property
    def modalities(self) -> dict[str, list[ScanMeasures]]:
        """The scans of each modality."""
        found: dict[str, list[ScanMeasures]] = {}
        for file in self.files:
            for scan in file.scans:
                found.setdefault(scan.modality, []).append(scan)
        return dict(sorted(found.items()))


def contents_of(scans: Sequence[ScanMeasures]) -> list[SliceContent]:
    """Return what the slices of scans hold, a scan an entry."""
    return [scan.content for scan in scans if scan.content is not None]


def storage_counts(facts: Sequence[FileFacts]) -> dict[str, dict[str, int]]:
    """Count files by orientation, shape, voxel size and type of number."""
    spacings = [entry.spacing_mm for entry in facts if entry.spacing_mm]
    return {
        "Stored axes": count_values(entry.orientation for entry in facts if entry.orientation),
        "Shape": count_values(" x ".join(map(str, entry.shape)) for entry in facts),
        "Voxel size, mm": count_values(
            " x ".join(f"{size:.4g}" for size in spacing) for spacing in spacings
        ),
        "Numbers": count_values(entry.dtype for entry in facts),
    }


def survey_numbers(survey: Survey) -> dict[str, Any]:
    """Return everything the page shows, as plain values; only left-out files are named."""
    return {
        "source": survey.source,
        "dataset": survey.dataset,
        "plane": survey.plane,
        "cohort": describe_cohort(survey.scans),
        "ages": spread(known_ages_of(survey)),
        "files": storage_counts([file.facts for file in survey.files]),
        "intensities": {
            modality: _intensity_numbers(scans) for modality, scans in survey.modalities.items()
        },
        "slices": {
            modality: _slice_numbers(contents_of(scans), survey.above)
            for modality, scans in survey.modalities.items()
        },
        "splits": survey.splits
        and {
            split: {
                "subjects": len(people),
                "sexes": count_values(person.sex for person in people),
                "ages": spread(known_ages(people)),
            }
            for split, people in survey.splits.items()
        },
        "left_out": [asdict(entry) for entry in survey.left_out],
        "notes": list(survey.notes),
        "notices": survey.notices,
    }


def known_ages_of(survey: Survey) -> list[float]:
    """Return the known ages of the subjects."""
    ages = {scan.subject: scan.age for scan in survey.scans}
    return [age for age in ages.values() if age is not None]


def spread(values: npt.ArrayLike) -> dict[str, float] | None:
    """Return how numbers are spread; None where there is none.

    Examples
    --------
    >>> spread([1, 2, 3])["median"]
    2.0
    """
    numbers = np.asarray(values, np.float64)
    if not numbers.size:
        return None
    first, middle, third = (float(value) for value in np.percentile(numbers, [25, 50, 75]))
    return {
        "min": float(numbers.min()),
        "q1": first,
        "median": middle,
        "mean": float(numbers.mean()),
        "q3": third,
        "max": float(numbers.max()),
        "sd": float(numbers.std()),
    }


def _intensity_numbers(scans: Sequence[ScanMeasures]) -> dict[str, Any]:
    found = [scan.intensities for scan in scans]
    shares = {
        f"percentile_{share:g}": spread([scan.percentiles[place] for scan in found])
        for place, share in enumerate(PERCENTILES)
    }
    return {
        "scans": len(found),
        "minimum": spread([scan.minimum for scan in found]),
        **shares,
        "maximum": spread([scan.maximum for scan in found]),
        "zero_fraction": spread([scan.zero_fraction for scan in found]),
    }


def _slice_numbers(contents: Sequence[SliceContent], above: float) -> dict[str, Any]:
    return {
        "slices": sum(len(content.nonzero_count) for content in contents),
        "measures": {name: spread(values) for name, values in _pooled(contents)},
        "rules": [verdict._asdict() for verdict in verdicts_of(contents, above)],
        "brain_ranges": _range_numbers(kept_ranges(contents, above)),
    }


def _pooled(contents: Sequence[SliceContent]) -> Iterator[tuple[str, npt.NDArray[np.float64]]]:
    for measure in MEASURES:
        parts = [content.values(measure) for content in contents]
        yield measure, np.concatenate([np.empty(0), *parts])


def verdicts_of(contents: Sequence[SliceContent], above: float) -> list[Verdict]:
    """Try every rule; without slices there is nothing to try."""
    return judge(contents, above) if contents else []


def _range_numbers(ranges: KeptRanges) -> dict[str, Any] | None:
    if not len(ranges.first):
        return None
    return {
        "scans": len(ranges.first),
        "contiguous": ranges.contiguous,
        "first": spread(ranges.first),
        "last": spread(ranges.last),
        "number": spread(ranges.number),
    }
