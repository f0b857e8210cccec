"""How close sets of features come to each other, beside how close real ones do."""

import math
from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
from torch import Tensor

from mrigen.errors import DataError
from mrigen.evaluation.generation.gram import Gram
from mrigen.evaluation.generation.resampling import HalfSamples
from mrigen.evaluation.generation.sets import Three
from mrigen.metrics.distribution import FeatureStatistics, frechet_distance
from mrigen.metrics.features import FeatureExtractor
from mrigen.metrics.intervals import Interval, mean_interval
from mrigen.metrics.kernel_distance import kernel_distance
from mrigen.metrics.manifold import covered, inside, prdc

Numbers = dict[str, Interval]


def frechet_numbers(features: Three) -> dict[str, float]:
    """Measure the Fréchet distance of generated slices to real test slices, and its floor.

    Parameters
    ----------
    features : (N, F) of each set
        Distances of different extractors, and of different N, do not compare.

    Returns
    -------
    dict
        `frechet_distance` between generated and test slices, `frechet_floor` between train and
        test slices, which is what other real people score, `frechet_ratio` of the two (absent
        if the floor is zero), and `frechet_samples`, the number on every side.

    Raises
    ------
    DataError
        If the sets are not of one size, or of fewer than two.
    """
    counts = {len(features.generated), len(features.test), len(features.train)}
    if len(counts) > 1:
        raise DataError(
            f"{len(features.generated)} generated, {len(features.test)} test and "
            f"{len(features.train)} training slices cannot be compared: expected the same number, "
            "since the distance depends on it."
        )
    test = statistics_of(features.test)
    distance = frechet_distance(statistics_of(features.generated), test)
    floor = frechet_distance(statistics_of(features.train), test)
    metrics = {
        "frechet_distance": distance,
        "frechet_floor": floor,
        "frechet_samples": float(counts.pop()),
    }
    if floor > 0:
        metrics["frechet_ratio"] = distance / floor
    return metrics


def measure_distances(
    features: Three, halves: HalfSamples | None, resampled: npt.NDArray[np.int64]
) -> Numbers:
    """Measure Fréchet and kernel distance, their floors and the ratio, with intervals.

    Parameters
    ----------
    features : (N, F) of each set, N at least 2
    halves
        Half-samples of the rows `resampled` of each set; None for no intervals.
    resampled : (n,) int

    Returns
    -------
    dict
        `frechet_distance`, `frechet_floor`, `frechet_ratio` (absent if the floor is zero),
        `frechet_samples`, `kernel_distance` and `kernel_floor`.
    """
    plain = frechet_numbers(features)
    plain["kernel_distance"] = kernel_distance(features.generated, features.test)
    plain["kernel_floor"] = kernel_distance(features.train, features.test)
    numbers = {name: Interval(value) for name, value in plain.items()}
    if halves is None:
        return numbers
    few = Three(*(part[resampled] for part in (features.generated, features.test, features.train)))
    distance, floor = Gram(few.generated, few.test), Gram(few.train, few.test)
    drawn = list(halves)
    found = {
        "frechet_distance": [distance.frechet(half.generated, half.test) for half in drawn],
        "frechet_floor": [floor.frechet(half.train, half.test) for half in drawn],
        "kernel_distance": [distance.kernel(half.generated, half.test) for half in drawn],
        "kernel_floor": [floor.kernel(half.train, half.test) for half in drawn],
    }
    for name, values in found.items():
        least = -math.inf if name.startswith("kernel") else 0.0
        numbers[name] = halves.interval(plain[name], values, least=least)
    if "frechet_ratio" in plain:
        numbers["frechet_ratio"] = halves.ratio_interval(
            plain["frechet_distance"],
            plain["frechet_floor"],
            found["frechet_distance"],
            found["frechet_floor"],
        )
    return numbers


def measure_neighbourhoods(
    features: Three, subjects: npt.NDArray[np.object_], *, neighbours: int, seed: int
) -> Numbers:
    """Measure precision, recall, density and coverage, and what real training slices score.

    Parameters
    ----------
    features : (N, F) of each set, N above `neighbours`
    subjects : (N,)
        Whose the test slices are.
    neighbours, seed
        Of the balls; of the resampling.

    Returns
    -------
    dict
        The four and their `..._of_real`. Recall and coverage are shares of the test slices and
        have intervals over their subjects, given the generated images.
    """
    generated, test = features.generated, features.test
    found = prdc(test, generated, neighbours=neighbours)
    real = prdc(test, features.train, neighbours=neighbours)
    numbers = {name: Interval(value) for name, value in found._asdict().items()}
    numbers |= {f"{name}_of_real": Interval(value) for name, value in real._asdict().items()}
    reached = inside(generated, test, neighbours=neighbours)
    held = covered(test, generated, neighbours=neighbours)
    for name, told in (("recall", reached), ("coverage", held)):
        numbers[name] = mean_interval(told.double().numpy(), subjects, seed=seed)
    return numbers


def summarise(batches: Iterable[Tensor], extractor: FeatureExtractor) -> FeatureStatistics:
    """Stream the features of batches of images into statistics."""
    statistics = FeatureStatistics(extractor.features)
    for images in batches:
        statistics.update(extractor(images))
    return statistics


def statistics_of(features: Tensor) -> FeatureStatistics:
    """Return the statistics of (n, F) features."""
    statistics = FeatureStatistics(features.shape[1])
    statistics.update(features)
    return statistics
