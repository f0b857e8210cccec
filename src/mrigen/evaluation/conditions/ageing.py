"""The same heads drawn at rising ages, and how their ventricles grow."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from torch import Tensor

from mrigen.data.loader import TEST, TRAIN
from mrigen.evaluation.case import Case
from mrigen.evaluation.conditions.drawing import draw
from mrigen.evaluation.conditions.questions import Known, usual
from mrigen.evaluation.conditions.real_heads import (
    CONTRAST,
    DECADE,
    PLANE,
    RealHeads,
    Window,
    pixel_mm2,
    real_heads,
    usable_rows,
    usual_graininess,
    ventricle_window,
)
from mrigen.evaluation.conditions.ventricles import graininess, ventricle_areas
from mrigen.evaluation.config import ConditionsConfig
from mrigen.metrics.intervals import Interval, mean_interval

# Times that of real slices: noise that doubles it makes the areas of real heads 6 to 9 % larger.
_MOST_GRAIN = 2.0

_Numbers = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Ageing:
    """Heads drawn at rising ages, and real ones.

    Attributes
    ----------
    ages : (A,)
        That were asked for, rising, in years.
    positions : (P,)
        At which each head was drawn, in mm.
    images : (S, A, P, 1, H, W) float32 in [0, 1]
        Of S seeds.
    areas : (S, A)
        Of the ventricles, in mm2, the mean over the positions.
    window
        Between which positions in mm.
    real
        People by the name of their split.
    graininess, usual_graininess
        Medians of drawn slices, and of training slices.
    """

    ages: _Numbers
    positions: _Numbers
    images: Tensor
    areas: _Numbers
    window: Window
    real: Mapping[str, RealHeads]
    graininess: float
    usual_graininess: float

    @property
    def too_grainy(self) -> bool:
        """Whether dark pixels of drawn slices may be noise, of which nothing should be counted."""
        return self.graininess > _MOST_GRAIN * self.usual_graininess

    @property
    def everybody(self) -> RealHeads:
        """Real people of all splits."""
        return RealHeads(*(np.concatenate(part) for part in zip(*self.real.values(), strict=True)))

    @property
    def seeds(self) -> npt.NDArray[np.object_]:
        """A name for each of the seeds, which are resampled as people are."""
        return np.array([f"seed {place}" for place in range(len(self.areas))], object)

    def growth(self, *, seed: int) -> Interval:
        """Return the mean slope of the drawn heads in mm2 a decade, over seeds."""
        centred = (self.ages - self.ages.mean()) / DECADE
        slopes = self.areas @ centred / (centred @ centred)
        return mean_interval(slopes, self.seeds, seed=seed)

    def growing_share(self, *, seed: int) -> Interval:
        """Return the share of seeds whose oldest head has larger ventricles than the youngest."""
        return mean_interval(self.areas[:, -1] > self.areas[:, 0], self.seeds, seed=seed)


def find_problem(case: Case, settings: ConditionsConfig, known: Mapping[str, Known]) -> str | None:
    """Say why the growth of ventricles cannot be measured; None where it can."""
    missing = [name for name in ("age", "position_mm") if name not in known]
    if missing:
        return f"the network is not told '{missing[0]}', or it is known of no training slice"
    manifest = case.store.manifest
    told = known["modality"].condition.choices if "modality" in known else ()
    if CONTRAST not in told and set(manifest["modality"]) != {CONTRAST}:
        return (
            f"it takes {CONTRAST} slices, in which fluid is dark and the brain is not; in other "
            "contrasts fluid is bright, or as dark as tissue"
        )
    if set(manifest["plane"]) != {PLANE}:
        return f"it takes {PLANE} slices, in which the ventricles lie in the middle of the head"
    for split, words in ((TRAIN, "training"), (TEST, "test")):
        if not len(usable_rows(case, known, split)):
            return (
                f"no {CONTRAST} slice of the {words} split has an age, a position and a pixel size"
            )
    if len(ages_within(settings, known)) < 2:
        return (
            f"fewer than two of 'evaluation.conditions.ages' lie between {known['age'].low:.0f} "
            f"and {known['age'].high:.0f} years, the ages of training subjects"
        )
    return None


def ages_within(settings: ConditionsConfig, known: Mapping[str, Known]) -> _Numbers:
    """Return the ages of the configuration that training subjects have, rising.

    An age less than a year from them is one of theirs.
    """
    age = known["age"]
    low = max(np.floor(age.low), age.condition.minimum)
    high = min(np.ceil(age.high), age.condition.maximum)
    return np.array([each for each in sorted(set(settings.ages)) if low <= each <= high], float)


def draw_ages(case: Case, settings: ConditionsConfig, known: Mapping[str, Known]) -> Ageing:
    """Draw the same heads at all ages where ventricles are, and measure them and real ones.

    Parameters
    ----------
    case, settings, known
        For which `find_problem` finds none.
    """
    ages = ages_within(settings, known)
    window = ventricle_window(case, known, settings.train_slices)
    # The centres of equal parts of the window.
    shares = (np.arange(settings.positions) + 0.5) / settings.positions
    positions = window[0] + shares * (window[1] - window[0])
    seeds = range(case.seed, case.seed + settings.seeds)
    asked = [
        usual(known, seed) | {"age": float(age), "position_mm": float(position)}
        for seed in seeds
        for age in ages
        for position in positions
    ]
    each = len(ages) * len(positions)
    images = draw(case, [seed for seed in seeds for _ in range(each)], asked)
    pixel = float(np.median(pixel_mm2(case)[usable_rows(case, known, TRAIN)]))
    pixels = images[:, 0].numpy()
    shape = (len(seeds), len(ages), len(positions))
    real = {split: real_heads(case, known, split, window) for split in (TRAIN, TEST)}
    return Ageing(
        ages,
        positions,
        images=images.reshape(*shape, *images.shape[1:]),
        areas=ventricle_areas(pixels, pixel).reshape(shape).mean(2),
        window=window,
        real=real,
        graininess=float(np.median(graininess(pixels))),
        usual_graininess=usual_graininess(case, known, window),
    )
