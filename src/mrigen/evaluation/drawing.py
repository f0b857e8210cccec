"""Drawing sets of images that are to compare with real slices."""

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
from torch import Tensor

from mrigen.data.covariates import read_covariates
from mrigen.data.loader import TRAIN
from mrigen.data.store.slice_store import SliceStore
from mrigen.models.interfaces import Conditional, Sampler
from mrigen.models.sampling import draw_samples
from mrigen.seeds import rng

_DRAW = 64  # a multiple of what the sampler draws at once


def generate(
    network: Sampler, store: SliceStore, count: int, *, seed: int, quick: bool = False
) -> Iterator[Tensor]:
    """Yield generated images in batches, image `i` drawn from `seed + i`.

    A `Conditional` network is told of each image what is known of a training slice, which the
    image's own seed picks: a set is of such people, at such places, as it learned from.

    Parameters
    ----------
    network
        In evaluation mode.
    store
        The slices that it learned from.
    count
        Images in all.
    seed
        Of the first image.
    quick
        Ask a `Quick` network for its quick mode.

    Yields
    ------
    (N, 1, H, W) float32 in [0, 1] on the CPU
    """
    seeds = range(seed, seed + count)
    told = drawn_conditions(network, store, seeds)
    for start in range(0, count, _DRAW):
        part = slice(start, start + _DRAW)
        yield draw_samples(network, seeds[part], told[part], quick=quick)


def drawn_conditions(
    network: Sampler, store: SliceStore, seeds: Sequence[int]
) -> list[dict[str, float]]:
    """Return what a network is told of each image of a set: nothing, if it is told nothing.

    Parameters
    ----------
    network, store
        As of `generate`.
    seeds
        One per image.

    Returns
    -------
    list of dict
        Values of the conditions by name, choices as their places. What is not known of the training
        slice is left out, as it was in training.

    Raises
    ------
    DataError
        If no manifest holds one of the conditions.
    """
    if not isinstance(network, Conditional) or not network.conditions:
        return [{} for _ in seeds]
    rows = drawn_rows(store, seeds)
    known = read_covariates(store.manifest, network.conditions)
    return [
        {name: float(values[row]) for name, values in known.items() if not np.isnan(values[row])}
        for row in rows
    ]


def drawn_rows(store: SliceStore, seeds: Sequence[int]) -> npt.NDArray[np.int64]:
    """Return the training slice that each seed picks, as rows of the manifest."""
    rows = store.positions(TRAIN)
    places = [int(rng(seed, "conditions").integers(len(rows))) for seed in seeds]
    return np.asarray(rows[places], np.int64)
