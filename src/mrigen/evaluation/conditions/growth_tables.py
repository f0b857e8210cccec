"""How ventricles grow with age, as tables: of drawn heads and of real people."""

from collections.abc import Iterator

import numpy as np

from mrigen.data.loader import TEST, TRAIN
from mrigen.evaluation.conditions.ageing import Ageing
from mrigen.evaluation.conditions.real_heads import RealHeads
from mrigen.evaluation.judgement import Row, Table
from mrigen.metrics.intervals import Interval, mean_interval

_GENERATED = "generated"


def growth_table(ageing: Ageing, *, seed: int) -> Table:
    """Return slopes over age, of drawn heads and of real people of each split and of both.

    Parameters
    ----------
    ageing
        What was measured.
    seed
        Of the resampling behind the intervals.
    """
    share = ageing.growing_share(seed=seed)
    rows: list[Row] = [
        _slope(_GENERATED, ageing.growth(seed=seed), len(ageing.areas), float(ageing.areas.mean()))
        | {"growing_share": share.value}
    ]
    rows += [
        _slope(name, people.growth(seed=seed), len(people.ages), float(people.areas.mean()))
        for name, people in _real(ageing)
    ]
    return Table(
        "Growth of the ventricles with age",
        "Slope of the area of the ventricles over age, with the 95 % interval over seeds or "
        f"people, in axial T1w slices between {ageing.window[0]:.0f} and {ageing.window[1]:.0f} "
        "mm, where those of training slices are largest. Of drawn heads it is the mean over "
        "seeds, each of which keeps its noise while the age that is asked for rises, and "
        "'growing_share' the share of seeds whose oldest head has larger ventricles than the "
        "youngest. The area is that of what is dark in the middle of the head and does not reach "
        "out of it: a measure to compare by, not a segmentation.",
        ["heads", "mm2_per_decade", "low", "high", "count", "mean_mm2", "growing_share"],
        rows,
    )


def area_table(ageing: Ageing, *, seed: int) -> Table:
    """Return mean areas by age, of drawn heads and of real people.

    Parameters
    ----------
    ageing, seed
        As of `growth_table`.
    """
    rows = [
        _area(_GENERATED, age, mean_interval(areas, ageing.seeds, seed=seed), len(areas))
        for age, areas in zip(ageing.ages, ageing.areas.T, strict=True)
    ]
    for name, people in _real(ageing):
        nearest = np.abs(people.ages[:, None] - ageing.ages).argmin(1)
        for place, age in enumerate(ageing.ages):
            these = nearest == place
            if these.any():
                mean = mean_interval(people.areas[these], people.subjects[these], seed=seed)
                rows.append(_area(name, age, mean, int(these.sum())))
    return Table(
        "Area of the ventricles by age",
        "Mean area in mm2 with the 95 % interval over seeds or people; real people are counted at "
        "the age that is nearest to theirs.",
        ["heads", "age", "mm2", "low", "high", "count"],
        rows,
    )


def _real(ageing: Ageing) -> Iterator[tuple[str, RealHeads]]:
    yield "real, training", ageing.real[TRAIN]
    yield "real, test", ageing.real[TEST]
    yield "real, both", ageing.everybody


def _slope(
    heads: str, growth: Interval, count: int, mean: float
) -> dict[str, str | int | float | None]:
    return {
        "heads": heads,
        "mm2_per_decade": growth.value,
        "low": growth.low,
        "high": growth.high,
        "count": count,
        "mean_mm2": mean,
    }


def _area(heads: str, age: float, mean: Interval, count: int) -> Row:
    return {
        "heads": heads,
        "age": float(age),
        "mm2": mean.value,
        "low": mean.low,
        "high": mean.high,
        "count": count,
    }
