"""The ventricles of real people by their age: what those of drawn heads compare with."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from mrigen.data.loader import TRAIN
from mrigen.evaluation.case import Case, spread_over
from mrigen.evaluation.conditions.line import fit_line
from mrigen.evaluation.conditions.questions import Known
from mrigen.evaluation.conditions.ventricles import (
    WINDOW_MM,
    find_window,
    graininess,
    ventricle_areas,
)
from mrigen.metrics.intervals import Interval

#: In which ventricles are measured.
CONTRAST, PLANE = "T1w", "axial"

DECADE = 10.0

_TOLD_BY = 64  # slices

Window = tuple[float, float]

_Numbers = npt.NDArray[np.float64]
_Rows = npt.NDArray[np.int64]


class RealHeads(NamedTuple):
    """Real people, each with the mean area of the ventricles in their slices of a window.

    Attributes
    ----------
    ages, areas : (P,)
        In years and mm2.
    subjects : (P,)
    """

    ages: _Numbers
    areas: _Numbers
    subjects: npt.NDArray[np.object_]

    def growth(self, *, seed: int) -> Interval:
        """Return the slope over people in mm2 a decade."""
        return fit_line(self.ages / DECADE, self.areas, self.subjects, seed=seed).slope


def usable_rows(case: Case, known: Mapping[str, Known], split: str) -> _Rows:
    """Return the rows of T1 slices whose age, position and pixel size are known."""
    rows = case.rows(split)
    values = [known[name].values for name in ("age", "position_mm")]
    fits = ~np.isnan([*values, pixel_mm2(case)]).any(0)
    fits &= (case.store.manifest["modality"] == CONTRAST).to_numpy()
    return np.asarray(rows[fits[rows]], np.int64)


def pixel_mm2(case: Case) -> _Numbers:
    """Return the area of a pixel of every slice, NaN where it is not known."""
    table = case.store.manifest
    sides = (table[name].to_numpy(np.float64) for name in ("pixel_height_mm", "pixel_width_mm"))
    return np.asarray(next(sides) * next(sides), np.float64)


def ventricle_window(case: Case, known: Mapping[str, Known], slices: int) -> Window:
    """Return the positions between which ventricles of training slices are largest, in mm.

    Parameters
    ----------
    case, known
        With usable rows in the training split.
    slices
        How many are looked at, evenly over the split.
    """
    rows = spread_over(usable_rows(case, known, TRAIN), slices)
    return find_window(known["position_mm"].values[rows], _areas(case, rows))


def real_heads(case: Case, known: Mapping[str, Known], split: str, window: Window) -> RealHeads:
    """Measure the people of a split, in at most `evaluation.slices` slices of a window."""
    rows = spread_over(_within(case, known, split, window), case.config.slices)
    columns = {
        "subject": case.subjects(rows),
        "age": known["age"].values[rows],
        "area": _areas(case, rows),
    }
    people = pd.DataFrame(columns).groupby("subject", sort=True).mean()
    ages, areas = (people[name].to_numpy(np.float64) for name in ("age", "area"))
    return RealHeads(ages, areas, people.index.to_numpy(object))


def usual_graininess(case: Case, known: Mapping[str, Known], window: Window) -> float:
    """Return the median graininess of training slices of a window; a few dozen tell it."""
    rows = spread_over(_within(case, known, TRAIN, window), _TOLD_BY)
    return float(np.median(graininess(case.images(rows)[:, 0].numpy())))


def slices_near(
    case: Case, known: Mapping[str, Known], ages: _Numbers, *, position: float
) -> _Rows:
    """Return, for each age, a training slice near a position of somebody of about that age."""
    rows = usable_rows(case, known, TRAIN)
    years, places = (known[name].values[rows] for name in ("age", "position_mm"))
    # Within a slice or two, the age decides.
    off = np.maximum(np.abs(places - position) - WINDOW_MM / 8, 0)
    found = [rows[np.lexsort((rows, np.abs(years - age), off))[0]] for age in ages]
    return np.array(found, np.int64)


def _within(case: Case, known: Mapping[str, Known], split: str, window: Window) -> _Rows:
    rows = usable_rows(case, known, split)
    places = known["position_mm"].values[rows]
    return rows[(places >= window[0]) & (places <= window[1])]


def _areas(case: Case, rows: _Rows) -> _Numbers:
    images = case.images(rows)[:, 0].numpy()
    return ventricle_areas(images, pixel_mm2(case)[rows])
