"""Half-samples of subjects: how far a distance between sets would move with other people."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from mrigen.metrics.intervals import MIN_SUBJECTS, Interval, percentile_ends
from mrigen.seeds import rng

Rows = npt.NDArray[np.int64]
People = npt.NDArray[np.object_]

# A floor may come close to zero by chance alone; a share of it keeps the ratio finite.
_LEAST_FLOOR = 0.1


class Half(NamedTuple):
    """Rows of half the subjects, as many in every set."""

    generated: Rows
    test: Rows
    train: Rows


class HalfSamples:
    """Half-samples of three sets, and the intervals they give.

    Parameters
    ----------
    test, train : (N,) and (N,)
        Whose slice each row of the two real sets is.
    generated
        Number of generated images, which count as individuals.
    times
        How many to draw.
    seed
        The same seed gives the same half-samples.

    Notes
    -----
    The usual bootstrap draws subjects with replacement. Their slices then stand in a sample twice
    and more: the sample has fewer directions than the data, a Fréchet distance to it is far too
    large, and the interval misses the value it is for. A half-sample draws half the subjects
    *without* replacement, so nothing stands in it twice. For a mean its variance is exactly that
    of the mean over all subjects: with m of n drawn it is (n - m) / m of it, for which the
    deviations are scaled. A distance between fewer images is larger on average, so the deviations
    are taken from the half-samples' own mean and put around the value measured on all.

    Between Gaussians of 64 features and 6, 12 or 40 subjects, intervals of 95 % held the expected
    Fréchet distance 97, 95 and 92 times in a hundred, those of the bootstrap 16, 5 and 55 times;
    the expected kernel distance 97 and 95 times (6 and 12 subjects), the expected ratio 95 and 98
    times (12 and 30 subjects).

    References
    ----------
    Politis, Romano and Wolf, "Subsampling", 1999, doi:10.1007/978-1-4612-1554-7;
    the delete-d jackknife: Shao and Wu 1989, doi:10.1214/aos/1176347263.
    """

    def __init__(
        self, test: People, train: People, *, generated: int, times: int, seed: int
    ) -> None:
        self._test, self._train = _rows_of(test), _rows_of(train)
        self._generated = generated
        self._times, self._seed = times, seed
        self._drawn = len(self._test) // 2
        self._drawn_of_train = round(len(self._train) * self._drawn / len(self._test))
        self._scale = (self._drawn / max(len(self._test) - self._drawn, 1)) ** 0.5

    @property
    def possible(self) -> bool:
        """Whether there are enough subjects for an interval, and two images in every half."""
        if min(len(self._test), len(self._train)) < MIN_SUBJECTS:
            return False
        fewest = (
            sum(sorted(map(len, self._test))[: self._drawn]),
            sum(sorted(map(len, self._train))[: self._drawn_of_train]),
        )
        return min(*fewest, self._generated) >= 2

    def __iter__(self) -> Iterator[Half]:
        stream = rng(self._seed, "half-samples")
        for _ in range(self._times):
            test = _some(self._test, self._drawn, stream)
            train = _some(self._train, self._drawn_of_train, stream)
            count = min(len(test), len(train), self._generated)
            yield Half(
                stream.permutation(self._generated)[:count],
                stream.permutation(test)[:count],
                stream.permutation(train)[:count],
            )

    def interval(self, value: float, halves: Sequence[float], *, least: float = 0.0) -> Interval:
        """Return the interval of a value from what half-samples gave, not below the `least`."""
        return Interval(
            value, *percentile_ends(np.maximum(value + self._deviations(halves), least))
        )

    def ratio_interval(
        self, value: float, floor: float, halves: Sequence[float], floors: Sequence[float]
    ) -> Interval:
        """Return the interval of `value / floor`, both of which move with the test subjects.

        Parameters
        ----------
        value, floor
            Distances measured on all; the floor is positive.
        halves, floors
            The same of each half-sample.
        """
        values = np.maximum(value + self._deviations(halves), 0)
        below = np.maximum(floor + self._deviations(floors), _LEAST_FLOOR * floor)
        return Interval(value / floor, *percentile_ends(values / below))

    def _deviations(self, halves: Sequence[float]) -> npt.NDArray[np.float64]:
        found = np.asarray(halves, np.float64)
        return np.asarray((found - found.mean()) * self._scale)


def _rows_of(subjects: People) -> list[Rows]:
    _, codes = np.unique(np.asarray(subjects, dtype=str), return_inverse=True)
    return [np.flatnonzero(codes == code) for code in range(codes.max() + 1)]


def _some(subjects: Sequence[Rows], count: int, stream: np.random.Generator) -> Rows:
    chosen = stream.permutation(len(subjects))[:count]
    return np.concatenate([subjects[subject] for subject in chosen])
