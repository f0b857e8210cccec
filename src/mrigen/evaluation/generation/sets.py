"""Generated and real images as sets of as many, whose distances can be compared."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from torch import Tensor

from mrigen.data.loader import TEST, TRAIN
from mrigen.evaluation.case import Case, spread_over
from mrigen.evaluation.generation.resampling import HalfSamples
from mrigen.metrics.features import FeatureExtractor

# Products of all pairs are kept for intervals: of more images a side they would not fit.
_MOST_FOR_INTERVALS = 1024


@dataclass(frozen=True)
class Sets:
    """Which images are compared: as many generated ones as test slices and as training slices.

    Attributes
    ----------
    case
    count
        On each side; may be too few to compare anything.
    test, train : (count,) int
        Rows of the manifest, at even distances over their splits.
    """

    case: Case
    count: int
    test: npt.NDArray[np.int64]
    train: npt.NDArray[np.int64]

    def features(self, extractor: FeatureExtractor) -> "Three":
        """Return the features of all three sets."""
        return Three(
            self.case.generated_features(self.count, extractor),
            self.case.real_features(self.test, extractor),
            self.case.real_features(self.train, extractor),
        )

    def images(self) -> "Three":
        """Return the images of all three sets."""
        case = self.case
        return Three(case.generated(self.count), case.images(self.test), case.images(self.train))

    @property
    def resampled(self) -> npt.NDArray[np.int64]:
        """Places in each set, evenly over it, of the images of which half-samples are drawn."""
        return spread_over(np.arange(self.count), _MOST_FOR_INTERVALS)

    def half_samples(self, times: int) -> HalfSamples:
        """Return half-samples of the places in `resampled`, the same ones at every call."""
        subjects, few = self.case.subjects, self.resampled
        return HalfSamples(
            subjects(self.test[few]),
            subjects(self.train[few]),
            generated=len(few),
            times=times,
            seed=self.case.seed,
        )


@dataclass(frozen=True)
class Three:
    """What belongs to the generated images, the test slices and the training slices."""

    generated: Tensor
    test: Tensor
    train: Tensor


def choose_sets(case: Case) -> Sets:
    """Take as many of each: `samples`, or what the smaller split has."""
    count = min(case.config.samples, len(case.rows(TEST)), len(case.rows(TRAIN)))
    return Sets(case, count, case.rows(TEST, count), case.rows(TRAIN, count))
