"""Which slices of a volume become training images."""

from typing import Literal, Self

import numpy as np
import numpy.typing as npt
from pydantic import Field, model_validator

from mrigen.config import Config

Indices = npt.NDArray[np.int64]


class SelectionConfig(Config):
    """A stretch of the axis, from `start` up to but not including `stop`.

    Attributes
    ----------
    by
        The unit of `start` and `stop`. "index": slice numbers counted from the lowest slice;
        "fraction": 0 is the lowest edge of the volume and 1 the highest; "mm": distance from the
        centre of the field of view, superior positive. A slice lies where its centre lies.
    start, stop
        Where the stretch begins and ends.
    step
        Keep every `step`-th slice of the stretch.
    """

    by: Literal["index", "fraction", "mm"] = "fraction"
    start: float = 0.5
    stop: float = 0.7
    step: int = Field(default=1, ge=1)

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.start >= self.stop:
            raise ValueError("start below stop")
        if self.by == "fraction" and not 0 <= self.start < self.stop <= 1:
            raise ValueError("start and stop in [0, 1], as they are fractions")
        if self.by == "index" and (self.start < 0 or self.start % 1 or self.stop % 1):
            raise ValueError("whole slice numbers from 0 up, as start and stop are indices")
        return self


def positions_mm(count: int, spacing_mm: float) -> npt.NDArray[np.float64]:
    """Return the distance of each slice from the centre of the field of view, superior positive.

    Examples
    --------
    >>> positions_mm(4, 2.0).tolist()
    [-3.0, -1.0, 1.0, 3.0]
    """
    return (np.arange(count, dtype=np.float64) - (count - 1) / 2) * spacing_mm


def select_positions(config: SelectionConfig, count: int, spacing_mm: float) -> Indices:
    """Return the indices of the slices to keep, ascending; possibly none.

    Parameters
    ----------
    config
        The stretch and its unit.
    count
        Slices along the axis, the lowest first.
    spacing_mm
        Distance between neighbouring slices.

    Examples
    --------
    >>> select_positions(SelectionConfig(by="fraction", start=0.25, stop=0.5), 8, 1.0).tolist()
    [2, 3]
    >>> select_positions(SelectionConfig(by="mm", start=-3, stop=3, step=2), 8, 1.0).tolist()
    [1, 3, 5]
    """
    places = {
        "index": np.arange(count, dtype=np.float64),
        "fraction": (np.arange(count) + 0.5) / count,
        "mm": positions_mm(count, spacing_mm),
    }[config.by]
    inside = np.flatnonzero((places >= config.start) & (places < config.stop))
    return inside[:: config.step]
