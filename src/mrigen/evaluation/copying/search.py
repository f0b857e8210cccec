"""The search for generated slices, and for real ones as a control, among the training slices."""

from collections import defaultdict
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256

import numpy as np
import numpy.typing as npt

from mrigen.data.loader import TEST, TRAIN
from mrigen.evaluation.case import Case
from mrigen.evaluation.config import CopyingConfig
from mrigen.evaluation.copying.spaces import Found, Numbers, Space, pixel_rows
from mrigen.metrics.memorisation import Labels

#: With fewer generated slices or real ones, or people to compare with, nothing is measured.
MIN_IMAGES, MIN_TRAIN_SUBJECTS, MIN_TEST_SUBJECTS = 20, 3, 2

#: With fewer test subjects this is remarked.
FEW_TEST_SUBJECTS = 6


@dataclass(frozen=True)
class Search:
    """The rows that are compared, and what was found; everything is computed once.

    Attributes
    ----------
    case, config
        Whose generated slices are looked for, and how.
    """

    case: Case
    config: CopyingConfig

    @cached_property
    def train(self) -> npt.NDArray[np.int64]:
        """Rows of the training slices that are searched."""
        return self.case.rows(TRAIN, self.config.train_slices)

    @cached_property
    def test(self) -> npt.NDArray[np.int64]:
        """Rows of the test slices that serve as control.

        Subjects with a slice that equals one of a training subject are left out: they are in the
        training data under another name, and with them no copy would be nearer than real slices.
        """
        rows = self.case.rows(TEST, self.case.config.slices)
        known = set(self.case.subjects(self.twins).astype(str))
        return rows[[name not in known for name in self.case.subjects(rows).astype(str)]]

    @cached_property
    def twins(self) -> npt.NDArray[np.int64]:
        """Rows of the test slices that equal a training slice of another subject."""
        rows, read = self.case.rows(TEST, self.case.config.slices), self.case.store.read
        owners = defaultdict[bytes, set[str]](set)
        for pixels, name in zip(read(self.train), self.train_of, strict=True):
            owners[sha256(pixels.tobytes()).digest()].add(name)
        names = self.case.subjects(rows).astype(str)
        # Slices of one grey value are alike without being of one person.
        equal = [
            np.ptp(pixels) > 0 and bool(owners[sha256(pixels.tobytes()).digest()] - {name})
            for pixels, name in zip(read(rows), names, strict=True)
        ]
        return rows[equal]

    @cached_property
    def train_of(self) -> Labels:
        """Whose each training slice is."""
        return self.case.subjects(self.train).astype(str)

    @cached_property
    def test_of(self) -> Labels:
        """Whose each test slice is."""
        return self.case.subjects(self.test).astype(str)

    @property
    def count(self) -> int:
        """How many generated slices are looked for: no more than there are test slices."""
        return min(self.case.config.samples, len(self.test))

    def too_few(self) -> str | None:
        """Say why nothing can be measured; None where it can."""
        people = len(np.unique(self.train_of)), len(np.unique(self.test_of))
        if (
            self.count >= MIN_IMAGES
            and people[0] >= MIN_TRAIN_SUBJECTS
            and people[1] >= MIN_TEST_SUBJECTS
        ):
            return None
        return (
            f"Copies were not looked for: there are {self.count} generated and {len(self.test)} "
            f"real test slices of {people[1]} subjects, and {people[0]} training subjects; it "
            f"takes {MIN_IMAGES} slices of each kind of {MIN_TEST_SUBJECTS} test subjects, and "
            f"{MIN_TRAIN_SUBJECTS} training subjects."
        )

    def remarks(self) -> list[str]:
        """Say what to keep in mind."""
        found, total = self.twin_remarks(), len(self.case.store.positions(TRAIN))
        if len(self.train) < total:
            found.append(
                f"Copies were looked for among {len(self.train)} of {total} training slices: a "
                "copy of another one may have been missed where its neighbours are not near "
                "enough. Raise 'evaluation.copying.train_slices' to search them all."
            )
        people = len(np.unique(self.test_of))
        if people < FEW_TEST_SUBJECTS:
            found.append(
                f"What real slices of other people look like was learned from {people} test "
                "subjects: copies are told from them with little certainty. Put more subjects "
                "into the test split."
            )
        return found

    def twin_remarks(self) -> list[str]:
        """Say which test subjects were left out."""
        if not len(self.twins):
            return []
        return [
            f"{len(self.twins)} real test slices equal a training slice of another subject: the "
            "same person is in both splits under two names. Those test subjects were left out of "
            "the search for copies. Give every person one name."
        ]

    @cached_property
    def features(self) -> Space:
        """The space of the main extractor's features."""
        case = self.case
        return Space(
            "features",
            f"Features of {case.extractor.name}",
            case.generated_features(self.count),
            case.real_features(self.train),
            case.real_features(self.test),
        )

    @cached_property
    def spaces(self) -> tuple[Space, Space]:
        """All spaces, the features first."""
        train = self.case.images(self.train)
        pixels = Space(
            "pixels",
            "Pixels",
            pixel_rows(self.case.generated(self.count)),
            pixel_rows(train),
            pixel_rows(self.case.images(self.test)),
            pixel_rows(train.flip(-1)),
        )
        return self.features, pixels

    @cached_property
    def found(self) -> list[Found]:
        """What was found of the generated slices, for each space."""
        return [space.search(space.generated, self.train_of) for space in self.spaces]

    @cached_property
    def control_found(self) -> list[Found]:
        """What was found of the test slices, for each space."""
        # In a leaking split the test slices' own subjects are in the training data.
        return [space.search(space.test, self.train_of, self.test_of) for space in self.spaces]

    @property
    def generated(self) -> Numbers:
        """Relative distances of the generated slices, (spaces, n)."""
        return np.stack([found.relative for found in self.found])

    @cached_property
    def quick(self) -> Numbers | None:
        """Those of the same images in the quick mode; None for a network that has none."""
        return self._drawn_otherwise(self.case.in_quick_mode)

    @cached_property
    def of_stacks(self) -> Numbers | None:
        """Those of images of the same seeds and conditions, drawn as slices of a stack.

        None for a network that draws them as all else. The noise that slices of a stack share is,
        of each slice alone, noise like any other.
        """
        return self._drawn_otherwise(self.case.of_stacks)

    def _drawn_otherwise(self, case: Case | None) -> Numbers | None:
        if case is None:
            return None
        features = case.generated_features(self.count, self.case.extractor)
        rows = features, pixel_rows(case.generated(self.count))
        pairs = zip(self.spaces, rows, strict=True)
        return np.stack([space.search(each, self.train_of).relative for space, each in pairs])

    @property
    def control(self) -> Numbers:
        """Relative distances of the test slices, (spaces, m)."""
        return np.stack([found.relative for found in self.control_found])
