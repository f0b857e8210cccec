"""How close generated slices come to real ones at each height of the head."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from mrigen.evaluation.config import GenerationConfig
from mrigen.evaluation.generation.figures import position_figure
from mrigen.evaluation.generation.sets import Sets, Three
from mrigen.evaluation.judgement import Judgement, Table
from mrigen.metrics.kernel_distance import kernel_distance
from mrigen.page.document import Picture

_Places = npt.NDArray[np.float64]

UNKNOWN_POSITIONS = (
    "Where in the head the slices lie is not known, as of all pictures: generated slices are not "
    "compared position by position."
)

_COLUMNS = (
    *("from_mm", "to_mm", "share_generated", "share_real", "samples"),
    *("kernel_distance", "kernel_floor"),
)


@dataclass(frozen=True)
class Bin:
    """The slices between two positions.

    Attributes
    ----------
    low, high
        In mm; the high end belongs to the next bin.
    generated, test
        Share of all slices of the set that lie here.
    samples
        Slices on each side of the distance.
    distance, floor
        Kernel distance of the test slices here to the generated and to the training slices
        here; None where there are fewer than two.
    """

    low: float
    high: float
    generated: float
    test: float
    samples: int
    distance: float | None
    floor: float | None


def judge_positions(features: Three, sets: Sets, config: GenerationConfig) -> Judgement:
    """Compare generated and real slices bin by bin.

    Parameters
    ----------
    features : (N, F) of each set
    sets
        Whose they are.
    config
        How many bins, and how many neighbours say where a generated slice belongs.
    """
    positions = sets.case.store.manifest["position_mm"].to_numpy(np.float64)
    test, train = positions[sets.test], positions[sets.train]
    if not (np.isfinite(test).all() and np.isfinite(train).all()):
        return Judgement(remarks=[UNKNOWN_POSITIONS])
    neighbours = min(config.neighbours, len(train))
    generated = assign_positions(features.generated, features.train, train, neighbours=neighbours)
    error = np.abs(
        assign_positions(features.test, features.train, train, neighbours=neighbours) - test
    )
    bins = compare_bins(features, generated, test, train, count=config.position_bins)
    return Judgement(
        tables={"generation_positions": _table(bins, float(np.median(error)))},
        pictures={"generation_positions": _picture(bins)},
    )


def assign_positions(
    features: Tensor, references: Tensor, positions: _Places, *, neighbours: int
) -> _Places:
    """Say where slices belong by those that look most alike.

    Parameters
    ----------
    features, references : (n, F) and (m, F)
    positions : (m,)
        Of the references, in mm.
    neighbours
        At most m.

    Returns
    -------
    (n,) in mm, the median over the nearest references
    """
    distances = torch.cdist(features.double(), references.double())
    nearest = distances.argsort(dim=1, stable=True)[:, :neighbours]
    return np.asarray(np.median(positions[nearest.numpy()], axis=1), np.float64)


def compare_bins(
    features: Three, generated: _Places, test: _Places, train: _Places, *, count: int
) -> list[Bin]:
    """Compare the sets in bins with as many test slices each.

    Parameters
    ----------
    features : (N, F) of each set
    generated, test, train : (N,)
        Positions in mm.
    count
        Bins at most; fewer where many slices share one position.
    """
    edges = np.unique(np.quantile(test, np.linspace(0, 1, count + 1)))
    if len(edges) < 2:
        edges = np.append(edges, edges[0])
    bins = []
    for place in range(len(edges) - 1):
        # What lies beyond the first and the last test slice belongs to the bin at that end.
        own, real, others = (
            np.flatnonzero(np.searchsorted(edges[1:-1], where, side="right") == place)
            for where in (generated, test, train)
        )
        samples = min(len(own), len(real), len(others))
        distance = floor = None
        if samples >= 2:
            here = features.test[_evenly(real, samples)]
            distance = kernel_distance(features.generated[_evenly(own, samples)], here)
            floor = kernel_distance(features.train[_evenly(others, samples)], here)
        bins.append(
            Bin(
                low=float(edges[place]),
                high=float(edges[place + 1]),
                generated=len(own) / len(generated),
                test=len(real) / len(test),
                samples=samples,
                distance=distance,
                floor=floor,
            )
        )
    return bins


def _evenly(places: npt.NDArray[np.int64], count: int) -> npt.NDArray[np.int64]:
    return places[np.linspace(0, len(places) - 1, count).round().astype(np.int64)]


def _table(bins: list[Bin], error: float) -> Table:
    return Table(
        "Generated and real slices by position",
        "A generated slice has no position: it takes the median of those of the real training "
        f"slices that look most alike, which misses real test slices by {error:.1f} mm in the "
        "median. Shares of all slices between two positions, and the kernel distance to test "
        "slices there of as many generated and training slices; empty where there are fewer than "
        "two.",
        _COLUMNS,
        [
            {
                "from_mm": each.low,
                "to_mm": each.high,
                "share_generated": each.generated,
                "share_real": each.test,
                "samples": each.samples,
                "kernel_distance": each.distance,
                "kernel_floor": each.floor,
            }
            for each in bins
        ],
    )


def _picture(bins: list[Bin]) -> Picture:
    return Picture(
        "Generated and real slices by position",
        "Left, which share of the generated and of the real test slices lies at each height of "
        "the head. Right, the kernel distance of generated slices to test slices there, beside "
        "that of other real people; lower is better, and about zero is no difference.",
        position_figure(
            [(each.low, each.high) for each in bins],
            shares={"generated": [each.generated for each in bins],
                    "real, test": [each.test for each in bins]},
            distances={"generated": [each.distance for each in bins],
                       "real, training": [each.floor for each in bins]},
        ),
    )  # fmt: skip
