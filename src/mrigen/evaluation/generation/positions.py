"""How close generated slices come to real ones at each height of the head."""

from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from mrigen.evaluation.config import GenerationConfig
from mrigen.evaluation.generation.figures import position_figure
from mrigen.evaluation.generation.resampling import Half, HalfSamples, Rows
from mrigen.evaluation.generation.sets import Sets, Three
from mrigen.evaluation.judgement import Judgement, Table
from mrigen.metrics.intervals import Interval
from mrigen.metrics.kernel_distance import kernel_distance
from mrigen.page.document import Picture

_Places = npt.NDArray[np.float64]

UNKNOWN_POSITIONS = (
    "Where in the head the slices lie is not known, as of all pictures: generated slices are not "
    "compared position by position."
)

_COLUMNS = (
    *("from_mm", "to_mm", "share_generated", "share_real", "samples"),
    *("kernel_distance", "kernel_distance_low", "kernel_distance_high", "kernel_floor"),
)


class Places(NamedTuple):
    """Positions in mm of the slices of each set."""

    generated: _Places
    test: _Places
    train: _Places


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
    distance
        Kernel distance of the test slices here to the generated slices here, with its interval
        over subjects where every half-sample has two of each; None with fewer than two.
    floor
        That to the training slices here.
    """

    low: float
    high: float
    generated: float
    test: float
    samples: int
    distance: Interval | None
    floor: float | None


def judge_positions(
    features: Three, sets: Sets, config: GenerationConfig, halves: HalfSamples | None = None
) -> Judgement:
    """Compare generated and real slices bin by bin.

    Parameters
    ----------
    features : (N, F) of each set
    sets
        Whose they are.
    config
        How many bins, and how many neighbours say where a generated slice belongs.
    halves
        Half-samples of the sets; None where there can be no intervals.
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
    bins = compare_bins(
        features,
        Places(generated, test, train),
        count=config.position_bins,
        halves=halves,
        few=sets.resampled,
    )
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
    features: Three,
    places: Places,
    *,
    count: int,
    halves: HalfSamples | None = None,
    few: Rows | None = None,
) -> list[Bin]:
    """Compare the sets in bins with as many test slices each.

    Parameters
    ----------
    features : (N, F) of each set
    places : (N,) of each set
        In mm.
    count
        Bins at most; fewer where many slices share one position.
    halves, few
        Half-samples of the rows `few` of each set, by default all; None gives no intervals.
    """
    edges = np.unique(np.quantile(places.test, np.linspace(0, 1, count + 1)))
    if len(edges) < 2:
        edges = np.append(edges, edges[0])
    # What lies beyond the first and the last test slice belongs to the bin at that end.
    codes = [np.searchsorted(edges[1:-1], where, side="right") for where in places]
    drawn = [Half(*(rows if few is None else few[rows] for rows in half)) for half in halves or ()]
    bins = []
    for place in range(len(edges) - 1):
        rows = Half(*(np.flatnonzero(code == place) for code in codes))
        distance, floor = _distance(features, rows, "generated"), _distance(features, rows, "train")
        interval = None if distance is None else Interval(distance)
        if halves is not None and distance is not None:
            parts = (
                Half(*(each[code[each] == place] for each, code in zip(half, codes, strict=True)))
                for half in drawn
            )
            found = [_distance(features, part, "generated") for part in parts]
            known = [value for value in found if value is not None]
            if len(known) == len(found):
                interval = halves.interval(distance, known, least=-np.inf)
        bins.append(
            Bin(
                low=float(edges[place]),
                high=float(edges[place + 1]),
                generated=len(rows.generated) / len(places.generated),
                test=len(rows.test) / len(places.test),
                samples=min(map(len, rows)),
                distance=interval,
                floor=floor,
            )
        )
    return bins


def _distance(features: Three, rows: Half, side: Literal["generated", "train"]) -> float | None:
    """Return the kernel distance to the test slices, of as many; None with fewer than two."""
    samples = min(map(len, rows))
    if samples < 2:
        return None
    own, real = _evenly(getattr(rows, side), samples), _evenly(rows.test, samples)
    return kernel_distance(getattr(features, side)[own], features.test[real])


def _evenly(places: npt.NDArray[np.int64], count: int) -> npt.NDArray[np.int64]:
    return places[np.linspace(0, len(places) - 1, count).round().astype(np.int64)]


def _table(bins: list[Bin], error: float) -> Table:
    return Table(
        "Generated and real slices by position",
        "A generated slice counts as lying where, in the median, the real training slices lie "
        "that look most alike, whatever was asked for; that misses real test slices by "
        f"{error:.1f} mm in the median. Shares of all slices between two positions, and the "
        "kernel distance to test slices there of as many generated slices, with its interval "
        "over subjects, and of as many training slices; empty where there are too few.",
        _COLUMNS,
        [
            {
                "from_mm": each.low,
                "to_mm": each.high,
                "share_generated": each.generated,
                "share_real": each.test,
                "samples": each.samples,
                "kernel_distance": each.distance and each.distance.value,
                "kernel_distance_low": each.distance and each.distance.low,
                "kernel_distance_high": each.distance and each.distance.high,
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
                       "real, training": [
                           None if each.floor is None else Interval(each.floor) for each in bins
                       ]},
        ),
    )  # fmt: skip
