"""Every number that an evaluation can have."""

from collections.abc import Iterable

from mrigen.evaluation.catalogue import (
    anomaly,
    brain_masks,
    conditions,
    copying,
    generation,
    latent,
    quick_mode,
    restoration,
    stacks,
    usefulness,
)
from mrigen.evaluation.catalogue.metric import Metric

METRICS: tuple[Metric, ...] = (
    *restoration.METRICS,
    *generation.METRICS,
    *quick_mode.METRICS,
    *copying.METRICS,
    *anomaly.METRICS,
    *usefulness.METRICS,
    *latent.METRICS,
    *conditions.METRICS,
    *stacks.METRICS,
    *brain_masks.METRICS,
)

_BY_KEY = {key: metric for metric in METRICS for key in metric.keys}


def find_metric(key: str) -> Metric | None:
    """Return what a key of `metrics.json` belongs to; None for a key that is no metric.

    Examples
    --------
    >>> find_metric("radimagenet/frechet_distance_low").label
    'Fréchet distance'
    """
    return _BY_KEY.get(key.rpartition("/")[2])


def metric_columns() -> list[str]:
    """Return every key an evaluation can have, without qualifiers, in a fixed order."""
    return list(_BY_KEY)


def ordered(keys: Iterable[str]) -> list[str]:
    """Sort keys as the catalogue has them, each followed by those with a qualifier."""
    places = {key: place for place, key in enumerate(_BY_KEY)}
    return sorted(
        keys, key=lambda key: (places.get(key.rpartition("/")[2], len(places)), "/" in key, key)
    )
