"""Which people are trained on, validated on and tested on: the configuration of the splits."""

from collections import Counter
from itertools import pairwise
from typing import Literal, Self

from pydantic import Field, model_validator

from mrigen.config import Config
from mrigen.data.splits.people import person_key

Split = Literal["train", "validation", "test"]
SPLITS: tuple[Split, ...] = ("train", "validation", "test")
Leak = Literal["tablado", "arnaiz"]


class FixedSubjects(Config):
    """Subjects by name whose split is given, such as `IXI019`; the name of the source is left off.

    The rest is dealt out to the splits that have no list, by their shares among themselves: where
    `test` is listed, nobody else is tested on. Subjects that the cohort lacks are noted.
    """

    train: tuple[str, ...] = ()
    validation: tuple[str, ...] = ()
    test: tuple[str, ...] = ()

    def lists(self) -> dict[Split, tuple[str, ...]]:
        """Return the lists that name anybody."""
        lists: dict[Split, tuple[str, ...]] = {
            "train": self.train,
            "validation": self.validation,
            "test": self.test,
        }
        return {split: names for split, names in lists.items() if names}

    @model_validator(mode="after")
    def _once(self) -> Self:
        counts = Counter(person_key(name) for names in self.lists().values() for name in names)
        for key, count in counts.items():
            if count > 1:
                raise ValueError(f"each subject once, not '{key}' {count} times")
        return self


class SplitConfig(Config):
    """Who is trained on, who is validated on and who is tested on; always whole persons.

    Attributes
    ----------
    train, validation, test
        Shares of the subjects, summing to 1.
    seed
        Another seed deals the subjects out differently.
    stratify
        Traits of which every split gets its share: "age_group", "sex", "ethnicity", "site". An
        unknown trait is a group of its own.
    age_edges
        Years at which a new age group begins.
    ethnicities
        Ethnicities with a stratum of their own; the others share one. Empty gives each its own.
    fixed
        Subjects whose split is given.
    declared
        Take the splits that the cohort itself declares (folders, a column of its table); whoever
        has none is trained on, with a note.
    folds, fold
        Cross-validation: the test split is fold number `fold` (from 0) of `folds`, and the test
        share is not used; of the others, train and validation get their shares. Every subject is
        in one fold, which `fold` does not change.
    leaking
        The split of a study whose test or validation slices come from trained-on heads, for
        replication alone; the shares are not used. "tablado" deals out the slices of every
        volume, 28 to train and 2 to test of 30. "arnaiz" keeps his test subjects apart (`fixed`,
        or `declared`) and deals the slices of all others out to train and validation, 85 to 15.
        With `declared`, "tablado" takes every slice's own declaration. Reports warn of it.
    """

    train: float = Field(default=0.8, gt=0, le=1)
    validation: float = Field(default=0.1, ge=0, lt=1)
    test: float = Field(default=0.1, ge=0, lt=1)
    seed: int = Field(default=0, ge=0)
    stratify: tuple[Literal["age_group", "sex", "ethnicity", "site"], ...] = ()
    age_edges: tuple[float, ...] = (25, 65)
    ethnicities: tuple[str, ...] = ()
    fixed: FixedSubjects = FixedSubjects()
    declared: bool = False
    folds: int | None = Field(default=None, ge=2, le=100)
    fold: int = Field(default=0, ge=0)
    leaking: Leak | None = None

    @model_validator(mode="after")
    def _whole(self) -> Self:
        total = self.train + self.validation + self.test
        if abs(total - 1) > 1e-6:
            raise ValueError(f"train, validation and test that sum to 1, not {total:g}")
        return self

    @model_validator(mode="after")
    def _strata_make_sense(self) -> Self:
        edges = self.age_edges
        if len(set(self.stratify)) < len(self.stratify):
            raise ValueError("each trait of stratify once")
        if any(low >= high for low, high in pairwise(edges)) or (
            "age_group" in self.stratify and not edges
        ):
            raise ValueError("age_edges that ascend, at least one for 'age_group'")
        if self.ethnicities and "ethnicity" not in self.stratify:
            raise ValueError("'ethnicity' in stratify where ethnicities are named")
        return self

    @model_validator(mode="after")
    def _schemes_make_sense(self) -> Self:
        if self.fold and not self.folds:
            raise ValueError("a number of folds where a fold is named")
        if self.folds is not None and self.fold >= self.folds:
            raise ValueError(f"a fold from 0 to {self.folds - 1}, not {self.fold}")
        dealt = {
            "folds": self.folds is not None,
            "stratify": bool(self.stratify),
            "fixed": bool(self.fixed.lists()),
        }
        if self.declared:
            _refuse(dealt, "declared splits without {}, as the cohort says who goes where")
        if self.leaking is not None:
            _refuse(
                dealt | {"fixed": False},
                f"leaking: {self.leaking} without {{}}, as it repeats what a study did",
            )
            self._check_leak()
        if dealt["folds"] and dealt["fixed"]:
            raise ValueError("folds or fixed subjects, not both, as every subject is tested once")
        return self

    def _check_leak(self) -> None:
        listed = set(self.fixed.lists())
        if self.leaking == "tablado" and listed:
            raise ValueError("leaking: tablado without fixed, as it has every subject in test")
        if self.leaking == "arnaiz" and listed - {"test"}:
            raise ValueError("leaking: arnaiz with fixed.test alone, as he dealt out the others")
        if self.leaking == "arnaiz" and not listed and not self.declared:
            raise ValueError("fixed.test with leaking: arnaiz, whose test subjects are apart")

    def shares(self) -> dict[Split, float]:
        """Return the share of each split that has one."""
        shares: dict[Split, float] = {
            "train": self.train,
            "validation": self.validation,
            "test": self.test,
        }
        return {split: share for split, share in shares.items() if share > 0}

    @property
    def has_test(self) -> bool:
        """Whether anybody is tested on."""
        scheme = self.declared or self.folds is not None or self.leaking is not None
        return scheme or self.test > 0 or bool(self.fixed.test)


def _refuse(asked: dict[str, bool], words: str) -> None:
    for name, wanted in asked.items():
        if wanted:
            raise ValueError(words.format(name))
