"""Which slices of a volume become training images."""

from typing import Annotated, Literal, Self

import numpy as np
import numpy.typing as npt
from pydantic import Field, model_validator

from mrigen.config import Config
from mrigen.data.slicing.slice_tables import SliceTable
from mrigen.errors import DataError

Indices = npt.NDArray[np.int64]

# What is kept where a dataset says nothing, as shares of the axis.
_STRETCH = (0.5, 0.7)


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
        right positive; "central": the `count` slices in the middle, or all where there are fewer;
        "table": first and last slice of each scan from a CSV file; "all". A slice lies where its
        centre lies.
    start, stop
        Where the stretch of "index", "fraction" or "mm" begins and ends.
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
    start: float = _STRETCH[0]
    stop: float = _STRETCH[1]
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
        if self.by not in ("index", "fraction", "mm") and (self.start, self.stop) != _STRETCH:
            raise ValueError("no start and stop, which belong to by: index, fraction and mm")
        if self.by == "mm" and not {"start", "stop"} <= self.model_fields_set:
            raise ValueError("start and stop in millimetres with by: mm")
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


def positions_mm(
    count: int, spacing_mm: float, *, centre: float | None = None
) -> npt.NDArray[np.float64]:
    """Return the distance of each slice from the centre; right, front and top are positive.

    Parameters
    ----------
    count
        Slices along the axis, the lowest first.
    spacing_mm
        Distance between neighbouring slices.
    centre
        Which slice lies at 0 mm; may lie between two. None is the middle of the field of view.

    Examples
    --------
    >>> positions_mm(4, 2.0).tolist()
    [-3.0, -1.0, 1.0, 3.0]
    >>> positions_mm(4, 2.0, centre=1).tolist()
    [-2.0, 0.0, 2.0, 4.0]
    """
    middle = (count - 1) / 2 if centre is None else centre
    return (np.arange(count, dtype=np.float64) - middle) * spacing_mm


def select_positions(
    config: SelectionConfig,
    count: int,
    spacing_mm: float,
    *,
    centre: float | None = None,
    name: str = "",
    table: SliceTable | None = None,
) -> Indices:
    """Return the indices of the slices that lie in the stretch, ascending; possibly none.

    Parameters
    ----------
    config
        The stretch and its unit.
    count, spacing_mm, centre
        As of `positions_mm`.
    name
        Of the scan in the table, as `scan_name` gives it.
    table
        Where `config.by` is "table": what `read_slice_table` read.

    Raises
    ------
    DataError
        If the table does not name the scan, or names slices that it does not have.

    Examples
    --------
    >>> select_positions(SelectionConfig(by="fraction", start=0.25, stop=0.5), 8, 1.0).tolist()
    [2, 3]
    >>> select_positions(SelectionConfig(by="mm", start=-3, stop=3, step=2), 8, 1.0).tolist()
    [1, 3, 5]
    >>> select_positions(SelectionConfig(by="central", count=3), 8, 1.0).tolist()
    [2, 3, 4]
    """
    start, stop = float(config.start), float(config.stop)
    if config.by == "fraction":
        places = (np.arange(count) + 0.5) / count
    elif config.by == "mm":
        places = positions_mm(count, spacing_mm, centre=centre)
    else:
        places = np.arange(count, dtype=np.float64)
    if config.by == "all":
        start, stop = 0, count
    elif config.count is not None:
        # Where the two ends cannot be equal, the upper one is longer by a slice.
        start = max(0, count - config.count) // 2
        stop = start + config.count
    elif config.by == "table":
        start, stop = _listed_stretch(table or {}, name, count)
    return np.flatnonzero((places >= start) & (places < stop))[:: config.step]


def _listed_stretch(table: SliceTable, name: str, count: int) -> tuple[int, int]:
    if name not in table:
        raise DataError(
            f"scan '{name}' is not in the slice table: expected a line that names it. Add one, or "
            "leave the scan out."
        )
    first, last = table[name]
    if last >= count:
        raise DataError(
            f"scan '{name}' has {count} slices, but the slice table says {first} to {last}: "
            "expected slices of this very volume. Correct the line, or the dataset's plane."
        )
    return first, last + 1


def keep_by_content(
    content: BrainContent | OutlierContent,
    indices: Indices,
    measures: npt.NDArray[np.float64],
    *,
    cut: float | None = None,
) -> Indices:
    """Return the slices that a content rule keeps, ascending; possibly none.

    Parameters
    ----------
    content
        The rule.
    indices : (N,)
        Slices of the stretch.
    measures : (N,)
        Of each of them, on the volume's own grid: the share of its pixels inside the brain mask;
        or how many of its intensities are not 0; or the mean of those that are not.
    cut
        Where the rule looks for outliers: the least measure that is kept.

    Examples
    --------
    >>> shares = np.array([0.01, 0.2, 3000 / 65536, 3001 / 65536])
    >>> keep_by_content(BrainContent(rule="brain"), np.array([4, 5, 6, 7]), shares).tolist()
    [5, 7]
    """
    if isinstance(content, BrainContent):
        return indices[measures > content.above]
    if cut is None:
        raise ValueError("an outlier rule needs the cut over the cohort")
    return indices[measures >= cut]


def is_contiguous(indices: Indices, step: int = 1) -> bool:
    """Tell whether slices follow each other without a gap, as Arnaiz's did in every volume.

    Examples
    --------
    >>> is_contiguous(np.array([3, 4, 5])), is_contiguous(np.array([3, 4, 6]))
    (True, False)
    """
    return bool((np.diff(indices) == step).all())
