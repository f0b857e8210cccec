"""The intensities of one image as a few numbers and a histogram."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mrigen.data.volumes.distribution import Distribution

Numbers = npt.NDArray[np.float64]

PERCENTILES = (1.0, 50.0, 99.0)
BINS = 128
# Black and white of a dataset that does not say otherwise; bright vessels lie above the white.
_BLACK, _WHITE = 0.5, 99.5


@dataclass(frozen=True, eq=False)
class Intensities:
    """How the intensities of one image are distributed.

    Attributes
    ----------
    minimum, maximum
        Of all voxels.
    percentiles
        Of all voxels, at `PERCENTILES`.
    different
        How many different intensities there are.
    zero_fraction
        Share of the voxels that are exactly 0.
    black, white
        The 0.5th percentile of all voxels and the 99.5th of those that are not 0.
    low, high
        The ends of the histogram: the lowest intensity that is not 0, and `white`.
    shares : (128,) float64
        The histogram: shares of the voxels that are not 0. Brighter ones are left away.
    """

    minimum: float
    maximum: float
    percentiles: tuple[float, float, float]
    different: int
    zero_fraction: float
    black: float
    white: float
    low: float
    high: float
    shares: Numbers

    @property
    def edges(self) -> Numbers:
        """Where the bins begin and end, one more than bins."""
        return np.linspace(self.low, self.high, BINS + 1)


def describe_intensities(distribution: Distribution) -> Intensities:
    """Describe the intensities of an image."""
    values, counts = _count(distribution)
    different = len(values)
    lit = values != 0
    if lit.any():
        values, counts = values[lit], counts[lit]
    low, white = float(values[0]), float(distribution.nonzero_percentile(_WHITE))
    high = white if white > low else low + 1
    first, middle, last = (float(v) for v in distribution.percentile(PERCENTILES))
    return Intensities(
        minimum=float(distribution.values[0]),
        maximum=float(distribution.values[-1]),
        percentiles=(first, middle, last),
        different=different,
        zero_fraction=1 - distribution.nonzero / distribution.size,
        black=float(distribution.percentile(_BLACK)),
        white=white,
        low=low,
        high=high,
        shares=_histogram(values, counts, np.linspace(low, high, BINS + 1)),
    )


def _count(distribution: Distribution) -> tuple[Numbers, npt.NDArray[np.int64]]:
    """Return the different values, ascending, and how often each occurs."""
    values, upto = distribution.values, distribution.upto
    last = np.flatnonzero(np.append(values[1:] != values[:-1], True))
    ends = last + 1 if upto is None else upto[last]
    return values[last].astype(np.float64), np.diff(ends, prepend=0)


def _histogram(values: Numbers, counts: npt.NDArray[np.int64], edges: Numbers) -> Numbers:
    # Each value stands for what lies half-way to its neighbours: an image with few grey levels
    # would otherwise leave bins empty in between.
    borders = np.concatenate([values[:1], (values[1:] + values[:-1]) / 2, values[-1:]])
    below = np.concatenate([[0], np.cumsum(counts)]) / counts.sum()
    return np.diff(np.interp(edges, borders, below))
