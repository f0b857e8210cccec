"""Which slices of a volume become training images."""

from typing import Annotated, Literal, Self

import numpy as np
import numpy.typing as npt
from pydantic import Field, model_validator

from mrigen.config import Config

Indices = npt.NDArray[np.int64]


class BrainContent(Config):
    """Keep slices of which more than `above` lies inside the brain mask.

    Arnaiz kept slices with more than 3,000 brain pixels of 65,536, which is the default.
    """

    rule: Literal["brain"]
    above: float = Field(default=3000 / 65536, ge=0, lt=1)


class OutlierContent(Config):
    """Drop slices that stand out over the whole cohort: the rules that Arnaiz tried and rejected.

    Attributes
    ----------
    rule
        What is measured on each slice of every scan of one modality, on its own grid: how many
        pixels are not zero, or the mean of those that are not.
    cut
        Slices below it are dropped: the lower quartile ("q1"), 1.5 interquartile ranges below it
        ("q1_iqr"), or three standard deviations below the mean ("sd3").
    """

    rule: Literal["nonzero_count", "nonzero_mean"]
    cut: Literal["q1", "q1_iqr", "sd3"] = "q1"


class SelectionConfig(Config):
    """Which slices are kept: a stretch of the axis, and of those the ones with enough in them.

    Attributes
    ----------
    by
        How the stretch is given. "index": slice numbers counted from the lowest slice, from
        `start` up to but not including `stop`; "fraction": 0 is the lowest edge of the volume and 1
        the highest; "mm": distance from the centre that the geometry names, superior, anterior and
        right positive; "central": the `count` slices in the middle; "table": first and last slice
        of each scan from a CSV file; "all". A slice lies where its centre lies.
    start, stop
        Where the stretch begins and ends.
    count
        Slices of "central".
    table
        CSV file of "table", relative to the project, with the columns `vol` (file name without
        `.nii.gz`), `first` and `last` (slice numbers, the last included). Scans that it does not
        name are left out.
    step
        Keep every `step`-th slice of the stretch.
    content
        A rule on what is in a slice; None keeps the whole stretch.
    """

    by: Literal["index", "fraction", "mm", "central", "table", "all"] = "fraction"
    start: float = 0.5
    stop: float = 0.7
    count: int | None = Field(default=None, ge=1)
    table: str | None = None
    step: int = Field(default=1, ge=1)
    content: Annotated[BrainContent | OutlierContent, Field(discriminator="rule")] | None = None

    @property
    def needs_mask(self) -> bool:
        """Whether the rule looks at the brain mask."""
        return isinstance(self.content, BrainContent)

    @property
    def needs_cohort(self) -> bool:
        """Whether the rule compares a slice with those of all scans."""
        return isinstance(self.content, OutlierContent)

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.start >= self.stop:
            raise ValueError("start below stop")
        if self.by == "fraction" and not 0 <= self.start < self.stop <= 1:
            raise ValueError("start and stop in [0, 1], as they are fractions")
        if self.by == "index" and (self.start < 0 or self.start % 1 or self.stop % 1):
            raise ValueError("whole slice numbers from 0 up, as start and stop are indices")
        if (self.by == "central") != (self.count is not None):
            raise ValueError("count with by: central, and only there")
        if (self.by == "table") != (self.table is not None):
            raise ValueError("table with by: table, and only there")
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
