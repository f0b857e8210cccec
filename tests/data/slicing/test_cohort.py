import pickle

import numpy as np
import pytest

from mrigen.data.slicing.cohort import (
    CohortFacts,
    Quantiles,
    ScanFacts,
    describe_scan,
    gather_facts,
    measure_outliers,
    needs_cohort,
    outlier_cut,
    pooled_percentile,
)
from mrigen.data.slicing.dataset import DatasetConfig
from mrigen.data.slicing.selection import OutlierContent
from mrigen.data.volumes.distribution import Distribution
from mrigen.errors import DataError


def config_of(**values):
    return DatasetConfig.model_validate({"source": "ixi", **values})


def facts_of(array, config, modality="T1w"):
    return describe_scan(modality, Distribution.of_array(array), None, config.intensity)


def uneven_scans(seed):
    noise = np.random.default_rng(seed)
    for _ in range(12):
        array = noise.gamma(noise.uniform(0.5, 4), noise.uniform(10, 200), noise.integers(2e3, 2e4))
        yield np.where(noise.random(array.shape) < 0.4, 0, array).astype(np.float32)


def share_below(array, value):
    # A value that occurs often has a range of ranks.
    return np.mean(array < value) * 100, np.mean(array <= value) * 100


@pytest.mark.parametrize("percent", [0.1, 0.5, 5, 50, 95, 99.5, 99.9])
@pytest.mark.parametrize("seed", range(4))
def test_pooled_percentiles_lie_within_the_bound_that_is_told(seed, percent):
    config = config_of(intensity={"scope": "cohort"})
    scans = list(uneven_scans(seed))
    facts = [facts_of(array, config) for array in scans]
    found = pooled_percentile((scan.for_black for scan in facts), percent)
    low, high = share_below(np.concatenate(scans), np.float32(found))
    bound = 0.32 * np.sqrt(percent * (100 - percent)) / 100 + 0.01  # and a voxel or two of rank
    assert low - bound <= percent <= high + bound


def test_black_counts_all_voxels_and_white_those_that_are_not_zero():
    config = config_of(intensity={"scope": "cohort", "lower": 10, "upper": 90})
    scans = list(uneven_scans(0))
    levels = gather_facts((facts_of(array, config) for array in scans), config).levels["T1w"]
    pooled = np.concatenate(scans)
    assert float(levels.black) == 0
    assert float(levels.white) == pytest.approx(np.percentile(pooled[pooled != 0], 90), rel=0.01)


def test_minimum_and_maximum_are_exact():
    config = config_of(intensity={"scope": "cohort", "lower": 0, "upper": 100})
    scans = [np.array([5, 17, 9], np.float32), np.array([7, -3.25, 0], np.float32)]
    levels = gather_facts((facts_of(array, config) for array in scans), config).levels["T1w"]
    assert (float(levels.black), float(levels.white)) == (-3.25, 17)


def test_modalities_are_kept_apart():
    config = config_of(intensity={"scope": "cohort", "lower": 0, "upper": 100})
    scans = [
        facts_of(np.array([0, 9], np.float32), config, "T1w"),
        facts_of(np.array([5, 80], np.float32), config, "FLAIR"),
    ]
    levels = gather_facts(scans, config).levels
    assert {name: float(level.white) for name, level in levels.items()} == {"T1w": 9, "FLAIR": 80}


def test_a_cohort_without_contrast_is_a_data_error():
    config = config_of(intensity={"scope": "cohort"})
    with pytest.raises(DataError, match="the cohort of T1w scans has intensities of 0 and 0 at"):
        gather_facts([facts_of(np.zeros(4, np.float32), config)], config)


def test_scans_without_voxels_count_for_nothing():
    empty = Quantiles(0, np.zeros(1001, np.float32))
    assert pooled_percentile([None, empty], 50) == 0
    full = Quantiles(10, np.full(1001, 4, np.float32))
    assert pooled_percentile([None, empty, full], 50) == 4


def test_outlier_rules_measure_pixels_that_are_not_zero():
    slices = np.array([[[0, 2], [4, 0]], [[0, 0], [0, 0]], [[1, 1], [1, -7]]], np.float32)
    count = OutlierContent(rule="nonzero_count")
    mean = OutlierContent(rule="nonzero_mean")
    assert measure_outliers(slices, count).tolist() == [2, 0, 4]
    assert measure_outliers(slices, mean).tolist() == [3, 0, -1]


@pytest.mark.parametrize(
    ("cut", "expected"),
    [("q1", 2.5), ("q1_iqr", 2.5 - 1.5 * 5), ("sd3", 5 - 3 * np.sqrt(10))],
)
def test_cuts_are_those_of_the_study(cut, expected):
    measures = np.arange(11, dtype=np.float64)
    content = OutlierContent(rule="nonzero_count", cut=cut)
    assert outlier_cut(measures, content) == pytest.approx(expected)


def test_cuts_are_taken_over_all_scans_of_a_modality():
    config = config_of(selection={"by": "all", "content": {"rule": "nonzero_count"}})
    scans = [
        ScanFacts("T1w", outlier_measure=np.array([0.0, 4.0])),
        ScanFacts("T1w", outlier_measure=np.array([8.0])),
        ScanFacts("T2w", outlier_measure=np.array([100.0])),
    ]
    facts = gather_facts(scans, config)
    assert facts.cuts == {"T1w": 2, "T2w": 100}
    assert facts.levels == {}


def test_only_what_looks_at_the_cohort_needs_it():
    outliers = {"by": "all", "content": {"rule": "nonzero_mean"}}
    assert not needs_cohort(config_of())
    assert needs_cohort(config_of(intensity={"scope": "cohort"}))
    assert needs_cohort(config_of(selection=outliers))


def test_what_travels_between_processes_is_small():
    config = config_of(intensity={"scope": "cohort"})
    facts = facts_of(np.arange(10**6, dtype=np.float32), config)
    assert len(pickle.dumps(facts)) < 10_000
    gathered = pickle.loads(pickle.dumps(gather_facts([facts], config)))
    assert isinstance(gathered, CohortFacts)
