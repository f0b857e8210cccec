"""What scaling over a cohort and outlier rules have to know of all scans before one is cut."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from mrigen.data.slicing.dataset import DatasetConfig
from mrigen.data.slicing.intensity import IntensityConfig, checked_levels
from mrigen.data.slicing.levels import Levels
from mrigen.data.slicing.selection import OutlierContent
from mrigen.data.volumes.distribution import Distribution
from mrigen.data.volumes.volume import FloatArray

Numbers = npt.NDArray[np.float64]

# Denser towards the ends, where the percentiles that become black and white lie.
_SHARES = (1 - np.cos(np.linspace(0, np.pi, 1001))) / 2


class Quantiles(NamedTuple):
    """The intensities of one scan in short.

    Attributes
    ----------
    voxels
        How many they stand for.
    values : (1001,) float32
        From the minimum to the maximum.
    """

    voxels: int
    values: FloatArray


@dataclass(frozen=True, eq=False)
class ScanFacts:
    """What one scan adds to the knowledge of its cohort: a few kilobytes.

    Attributes
    ----------
    modality
        Of the scan.
    for_black, for_white
        Of the voxels whose percentiles become black and white; None unless intensity.scope is
        "cohort".
    outlier_measure : (S,) float64
        Of every slice in the dataset's plane, what its outlier rule measures; None without a rule.
    """

    modality: str
    for_black: Quantiles | None = None
    for_white: Quantiles | None = None
    outlier_measure: Numbers | None = None


@dataclass(frozen=True)
class CohortFacts:
    """What all scans of a dataset say together, by modality.

    Attributes
    ----------
    levels
        Intensities that become 0 and 1, for intensity.scope "cohort".
    cuts
        The measure below which a slice is dropped, for an outlier rule.
    """

    levels: Mapping[str, Levels] = field(default_factory=dict)
    cuts: Mapping[str, float] = field(default_factory=dict)


def needs_cohort(config: DatasetConfig) -> bool:
    """Whether all scans of a dataset have to be read before one can be cut."""
    return config.intensity.scope == "cohort" or config.selection.needs_cohort


def describe_scan(
    modality: str,
    distribution: Distribution | None,
    outlier_measure: Numbers | None,
    config: IntensityConfig,
) -> ScanFacts:
    """Keep of one scan what its cohort needs.

    Parameters
    ----------
    modality
        Of the scan.
    distribution
        Of its intensities; None unless they are scaled over the cohort.
    outlier_measure : (S,) float64
        Of every slice; None unless there is an outlier rule.
    config
        Which percentiles are asked for.
    """
    if distribution is None:
        return ScanFacts(modality, outlier_measure=outlier_measure)
    everything = Quantiles(distribution.size, distribution.percentile(_SHARES * 100))
    white = everything
    if config.upper < 100:
        values = distribution.nonzero_percentile(_SHARES * 100)
        white = Quantiles(distribution.nonzero, values)
    return ScanFacts(modality, everything, white, outlier_measure)


def measure_outliers(frames: FloatArray, content: OutlierContent) -> Numbers:
    """Return what an outlier rule measures of slices, (N, A, B) float32 in the scanner's units.

    The mean of a slice without a pixel that is not 0 is 0.
    """
    counts: Numbers = np.count_nonzero(frames, axis=(1, 2)).astype(np.float64)
    if content.rule == "nonzero_count":
        return counts
    sums: Numbers = frames.sum(axis=(1, 2), dtype=np.float64)
    return sums / np.maximum(counts, 1)


def gather_facts(scans: Iterable[ScanFacts], config: DatasetConfig) -> CohortFacts:
    """Pool the scans of a cohort.

    Parameters
    ----------
    scans
        Read once; a few kilobytes of each are kept.
    config
        Of the dataset.

    Raises
    ------
    DataError
        If the pooled percentiles of a modality coincide.

    Notes
    -----
    Minimum and maximum over the cohort are exact. Another percentile p is pooled from 1,001
    quantiles of each scan, weighted with its voxels; the intensity found is that of a percentile
    at most 0.32 * sqrt(p * (100 - p)) / 100 away from p, which is 0.02 for 0.5 and for 99.5.
    """
    groups: dict[str, list[ScanFacts]] = defaultdict(list)
    for scan in scans:
        groups[scan.modality].append(scan)
    levels, cuts = {}, {}
    for modality, group in sorted(groups.items()):
        if config.intensity.scope == "cohort":
            levels[modality] = _pooled_levels(group, config.intensity, modality)
        if isinstance(config.selection.content, OutlierContent):
            measures = [scan.outlier_measure for scan in group if scan.outlier_measure is not None]
            cuts[modality] = outlier_cut(np.concatenate(measures), config.selection.content)
    return CohortFacts(levels, cuts)


def outlier_cut(measures: Numbers, content: OutlierContent) -> float:
    """Return the measure below which slices are outliers.

    Parameters
    ----------
    measures : (N,) float64
        Of all slices of the cohort.
    content
        The rule.
    """
    if content.cut == "sd3":
        return float(measures.mean() - 3 * measures.std())
    lower, upper = np.percentile(measures, [25, 75])
    return float(lower if content.cut == "q1" else lower - 1.5 * (upper - lower))


def pooled_percentile(scans: Iterable[Quantiles | None], percent: float) -> float:
    """Return a percentile of several scans taken together, or 0 if they have no voxels.

    Parameters
    ----------
    scans
        None counts as no voxels.
    percent
        From 0 to 100; 0 and 100 are the minimum and the maximum.
    """
    counted = [scan for scan in scans if scan is not None and scan.voxels]
    if not counted:
        return 0.0
    values = np.stack([scan.values for scan in counted])
    if percent in (0, 100):
        return float(values.min() if percent == 0 else values.max())
    # Of the voxels between two quantiles, half are counted at either.
    between = np.outer([float(scan.voxels) for scan in counted], np.diff(_SHARES)) / 2
    voxels = np.pad(between, ((0, 0), (1, 0))) + np.pad(between, ((0, 0), (0, 1)))
    order = np.argsort(values, axis=None, kind="stable")
    upto = np.cumsum(voxels.ravel()[order])
    place = np.searchsorted(upto, percent / 100 * upto[-1])
    return float(values.ravel()[order][place])


def _pooled_levels(group: Sequence[ScanFacts], config: IntensityConfig, modality: str) -> Levels:
    black = pooled_percentile((scan.for_black for scan in group), config.lower)
    white = pooled_percentile((scan.for_white for scan in group), config.upper)
    return checked_levels(black, white, config, name=f"the cohort of {modality} scans")
