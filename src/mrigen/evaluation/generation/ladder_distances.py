"""Known degradations as a measure: what a Fréchet distance of some size looks like."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from mrigen.evaluation.case import Case
from mrigen.evaluation.config import GenerationConfig
from mrigen.evaluation.feature_cache import kept_features
from mrigen.evaluation.generation.distances import statistics_of
from mrigen.evaluation.generation.figures import ladder_figure
from mrigen.evaluation.generation.sets import Sets, Three
from mrigen.evaluation.judgement import Judgement, Table
from mrigen.evaluation.ladder import RUNGS, Rung
from mrigen.images import from_integers, to_uint8
from mrigen.metrics.distribution import frechet_distance
from mrigen.metrics.features import FeatureExtractor
from mrigen.metrics.kernel_distance import kernel_distance
from mrigen.page.document import Picture

_LIKE = {
    "blur": "blurred by {level} px",
    "noise": "with noise of {level} of the range",
    "lower_resolution": "at a resolution {level} times lower",
}


@dataclass(frozen=True)
class Step:
    """Distances of degraded training slices to clean test slices; the rung of level 0 is clean."""

    rung: Rung
    frechet: float
    kernel: float


Lines = Mapping[str, Sequence[Step]]


def judge_ladder(
    features: Three,
    sets: Sets,
    extractor: FeatureExtractor,
    *,
    config: GenerationConfig,
    distance: float,
) -> Judgement:
    """Say which degradation of real slices the model's Fréchet distance equals.

    Training slices are degraded and compared with the clean slices of the test subjects, so that
    the foot of every ladder is the floor, and the numbers are as large as the model's for the
    same reasons: other people, and as many images.

    Parameters
    ----------
    features : (N, F) of each set
    sets
        Whose they are.
    extractor
        Which made them.
    config
        Which kinds of degradation.
    distance
        The model's.
    """
    if not config.ladder:
        return Judgement()
    steps = climb(features, sets, extractor, kinds=config.ladder)
    lines: Lines = {
        kind: [step for step in steps if step.rung.kind == kind] for kind in config.ladder
    }
    return Judgement(
        tables={"generation_ladder": _table(steps)},
        pictures={"generation_ladder": _picture(lines, distance)},
        remarks=[describe(lines, distance)],
    )


def climb(
    features: Three, sets: Sets, extractor: FeatureExtractor, *, kinds: tuple[str, ...]
) -> list[Step]:
    """Measure the distances of every rung of some kinds, each beginning with clean slices."""
    statistics = statistics_of(features.test)

    def measure(rung: Rung, degraded: Tensor) -> Step:
        frechet = frechet_distance(statistics_of(degraded), statistics)
        return Step(rung, frechet, kernel_distance(degraded, features.test))

    steps = []
    for kind in kinds:
        rungs = rungs_of(kind)
        steps.append(measure(Rung(kind, 0.0, rungs[0].unit), features.train))
        for rung in rungs:
            degraded = degraded_features(sets.case, sets.train, rung, extractor)
            steps.append(measure(rung, degraded))
    return steps


def rungs_of(kind: str) -> list[Rung]:
    """Return every second rung of a kind, and the strongest: each costs as much as the model."""
    rungs = [rung for rung in RUNGS if rung.kind == kind]
    return rungs[::2] if len(rungs) % 2 else [*rungs[::2], rungs[-1]]


def degraded_features(
    case: Case, rows: npt.NDArray[np.int64], rung: Rung, extractor: FeatureExtractor
) -> Tensor:
    """Return features of degraded slices, kept like those of clean ones."""

    def images(rows: npt.NDArray[np.int64]) -> Tensor:
        # One at a time: a slice has its own noise, whichever slices are asked for with it.
        each = [
            rung.degrade(image[None], seed=int(row))
            for row, image in zip(rows, case.images(rows), strict=True)
        ]
        return from_integers(to_uint8(torch.cat(each)))

    what = f"{case.store.fingerprint} {rung.kind} {rung.level:g}"
    return kept_features(case.cache / "features", what, rows, extractor=extractor, images=images)


def equivalent(levels: list[float], distances: list[float], distance: float) -> float | None:
    """Return the level at which a ladder reaches a distance; None beyond its strongest rung.

    Parameters
    ----------
    levels, distances
        Of a ladder from its clean foot upwards.
    distance
        One no larger than that of the foot is at level 0.

    Examples
    --------
    >>> equivalent([0, 1, 3], [10, 20, 40], 30)
    2.0
    """
    # A rung that happens to score better than a milder one is passed over.
    heights = np.maximum.accumulate(distances)
    if distance > heights[-1]:
        return None
    return float(np.interp(distance, heights, levels))


def describe(lines: Lines, distance: float) -> str:
    """Say in a sentence what the model's distance is like."""
    parts = []
    for kind, steps in lines.items():
        levels = [step.rung.level for step in steps]
        level = equivalent(levels, [step.frechet for step in steps], distance)
        if level == 0:
            return "Its Fréchet distance is no larger than that of real slices of other people."
        number = f"{levels[-1]:.2g}" if level is None else f"{level:.2g}"
        words = _LIKE[kind].format(level=number)
        parts.append(f"beyond that {words}, the strongest tried" if level is None else words)
    return f"Its Fréchet distance is that of real slices {', or '.join(parts)}."


def _table(steps: Sequence[Step]) -> Table:
    return Table(
        "Distances of degraded real slices",
        "Real training slices, degraded more and more, beside clean slices of test subjects: what "
        "a distance of some size looks like. Level 0 is the floor. Noise is a standard deviation "
        "where images reach from 0 to 1.",
        ("kind", "level", "unit", "frechet_distance", "kernel_distance"),
        [
            {
                "kind": step.rung.kind,
                "level": step.rung.level,
                "unit": step.rung.unit,
                "frechet_distance": step.frechet,
                "kernel_distance": step.kernel,
            }
            for step in steps
        ],
    )


def _picture(lines: Lines, distance: float) -> Picture:
    return Picture(
        "The Fréchet distance beside those of degraded real slices",
        "Each panel degrades real slices more and more, from clean ones at its left. The dashed "
        "line is the model: where it crosses the curve, real slices are as far from clean ones as "
        "generated slices are.",
        ladder_figure(
            {
                kind: (steps[0].rung.unit, [(step.rung.level, step.frechet) for step in steps])
                for kind, steps in lines.items()
            },
            distance,
        ),
    )
