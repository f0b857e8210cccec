"""Training, validation and test sets that never share a person."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Literal, Self

from pydantic import Field, model_validator

from mrigen.config import Config
from mrigen.errors import DataError
from mrigen.seeds import rng

if TYPE_CHECKING:
    import pandas as pd  # half the start of a worker process, which cuts slices without it

Split = Literal["train", "validation", "test"]
SPLITS: tuple[Split, ...] = ("train", "validation", "test")


class FixedSubjects(Config):
    """Subjects by name whose split is given, such as `IXI019`; the name of the source is left off.

    The rest is dealt out to the splits that have no list; subjects that the cohort lacks are noted.
    """

    train: tuple[str, ...] = ()
    validation: tuple[str, ...] = ()
    test: tuple[str, ...] = ()


class SplitConfig(Config):
    """Who is trained on, who is validated on and who is tested on; always whole persons.

    Attributes
    ----------
    train, validation, test
        Shares of the subjects, summing to 1.
    seed
        Another seed deals the subjects out differently.
    stratify
        Traits of which every split gets its share: "age_group", "sex", "ethnicity", "site".
    age_edges
        Years at which a new age group begins.
    ethnicities
        Ethnicities with a stratum of their own; the others share one. Empty gives each its own.
    fixed
        Subjects whose split is given.
    declared
        Take the splits that the cohort itself declares (folders, a column of its table).
    folds, fold
        Cross-validation: the test split is fold number `fold` of `folds`, and the test share is
        not used; of the others, train and validation get their shares.
    leaking
        The split of a study whose test or validation slices come from trained-on heads, for
        replication alone: "tablado" deals out the slices of every volume, 28 to train and 2 to
        test of 30; "arnaiz" keeps his test subjects apart (`fixed`) and deals the other slices out
        to train and validation, 85 to 15. Reports warn of it.
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
    leaking: Literal["tablado", "arnaiz"] | None = None

    @model_validator(mode="after")
    def _whole(self) -> Self:
        total = self.train + self.validation + self.test
        if abs(total - 1) > 1e-6:
            raise ValueError(f"train, validation and test that sum to 1, not {total:g}")
        return self

    def shares(self) -> dict[Split, float]:
        """Return the share of each split that has one."""
        shares: dict[Split, float] = {
            "train": self.train,
            "validation": self.validation,
            "test": self.test,
        }
        return {split: share for split, share in shares.items() if share > 0}


def assign_splits(subjects: Iterable[str], config: SplitConfig) -> dict[str, Split]:
    """Deal subjects out to the splits.

    The answer is a function of the set of subjects and the configuration: order and repetition
    do not matter. Counts follow the shares by largest remainder, and every split that has a
    share gets at least one subject. A subject's rank depends on its own name and the seed alone,
    so one that comes or goes moves only the few at the borders.

    Raises
    ------
    DataError
        If there are fewer subjects than splits with a share.
    """
    people = sorted(set(subjects))
    shares = config.shares()
    if len(people) < len(shares):
        raise DataError(
            f"{len(people)} subjects cannot fill the splits {', '.join(shares)}: expected at "
            f"least {len(shares)}. Add subjects, or set the share of a split to 0."
        )
    ranked = sorted(
        people, key=lambda subject: (rng(config.seed, "split", subject).random(), subject)
    )
    assigned: dict[str, Split] = {}
    start = 0
    for split, count in _counts(len(people), shares).items():
        assigned.update(dict.fromkeys(ranked[start : start + count], split))
        start += count
    return {subject: assigned[subject] for subject in people}


def _counts(total: int, shares: dict[Split, float]) -> dict[Split, int]:
    counts = {split: int(total * share) for split, share in shares.items()}
    by_remainder = sorted(shares, key=lambda split: counts[split] - total * shares[split])
    for split in by_remainder[: total - sum(counts.values())]:
        counts[split] += 1
    for split in counts:
        if counts[split] == 0:
            largest = max(counts, key=lambda other: counts[other])
            counts[largest] -= 1
            counts[split] = 1
    return counts


def check_disjoint(manifest: "pd.DataFrame") -> None:
    """Check that every subject lies in one known split.

    Parameters
    ----------
    manifest
        With the columns `subject` and `split`.

    Raises
    ------
    DataError
        Naming the first subject in two splits, or the first unknown split.
    """
    pairs = manifest[["subject", "split"]].drop_duplicates().sort_values(["subject", "split"])
    for split in pairs["split"]:
        if split not in SPLITS:
            raise DataError(
                f"the manifest names the split '{split}': expected one of {', '.join(SPLITS)}. "
                "Make the slices again."
            )
    repeated = pairs[pairs["subject"].duplicated(keep=False)]
    if len(repeated):
        subject = repeated["subject"].iloc[0]
        places = " and ".join(repeated.loc[repeated["subject"] == subject, "split"])
        raise DataError(
            f"subject '{subject}' is in the splits {places}: expected one split per person. "
            "Make the slices again."
        )
