"""How close generated slices come to real ones, beside how close real ones come to each other."""

from collections.abc import Iterable

from torch import Tensor

from mrigen.errors import DataError
from mrigen.evaluation.case import generate
from mrigen.metrics.distribution import FeatureStatistics, frechet_distance
from mrigen.metrics.features import FeatureExtractor
from mrigen.models.interfaces import Sampler


def evaluate_generation(
    network: Sampler,
    *,
    test: Iterable[Tensor],
    train: Iterable[Tensor],
    extractor: FeatureExtractor,
    seed: int,
) -> dict[str, float]:
    """Measure the Fréchet distance of generated slices to real test slices, and its floor.

    Parameters
    ----------
    network
        In evaluation mode.
    test, train
        Batches (n, 1, H, W) of real slices, the same number in all of either split. As many
        are generated.
    extractor
        Its features define the distance; distances of different extractors do not compare.
    seed
        Image `i` is drawn from `seed + i`.

    Returns
    -------
    dict
        `frechet_distance` between generated and test slices, `frechet_floor` between train and
        test slices, which is what other real people score, `frechet_ratio` of the two (absent
        if the floor is zero), and `frechet_samples`, the number on every side.

    Raises
    ------
    DataError
        If the two splits give different numbers of slices, or fewer than two.
    """
    real = summarise(test, extractor)
    others = summarise(train, extractor)
    if real.count != others.count:
        raise DataError(
            f"{real.count} test slices cannot be compared with {others.count} training slices: "
            "expected the same number, since the distance depends on it."
        )
    generated = summarise(generate(network, real.count, seed=seed), extractor)
    distance, floor = frechet_distance(generated, real), frechet_distance(others, real)
    metrics = {
        "frechet_distance": distance,
        "frechet_floor": floor,
        "frechet_samples": float(real.count),
    }
    if floor > 0:
        metrics["frechet_ratio"] = distance / floor
    return metrics


def summarise(batches: Iterable[Tensor], extractor: FeatureExtractor) -> FeatureStatistics:
    """Stream the features of batches of images into statistics."""
    statistics = FeatureStatistics(extractor.features)
    for images in batches:
        statistics.update(extractor(images))
    return statistics
