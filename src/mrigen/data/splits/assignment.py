"""Every person to one split, by the scheme of the configuration."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple, TypeVar

from mrigen.data.records import SliceRecord
from mrigen.data.splits.config import SPLITS, FixedSubjects, Split, SplitConfig
from mrigen.data.splits.people import Person, gather_people, name_key, person_key
from mrigen.data.splits.strata import deal, stratum_of
from mrigen.errors import DataError
from mrigen.seeds import rng

_SHOWN = 10

Label = TypeVar("Label", int, Split)


class Assignment(NamedTuple):
    """Who goes where.

    Attributes
    ----------
    splits
        By subject, as the records spell it.
    notes
        What a reader should know: subjects without a declaration, listed ones that are missing.
    strata
        Subjects in each split, by the words for the stratum; empty without stratification.
    """

    splits: dict[str, Split]
    notes: tuple[str, ...]
    strata: dict[str, dict[str, int]]


def assign_splits(records: Iterable[SliceRecord], config: SplitConfig) -> Assignment:
    """Assign every subject to one split.

    The answer is a function of the set of people, with their traits, and the configuration: order
    and repetition do not matter, and two spellings of one name are one person. Counts follow the
    shares by largest remainder, and every split that has a share gets at least one subject. A
    subject's rank depends on its own name and the seed alone, so one that comes or goes moves
    only the few at the borders.

    Parameters
    ----------
    records
        Of one dataset.
    config
        Without `leaking`, which deals out slices and not people.

    Raises
    ------
    DataError
        If there are too few subjects for the splits, no listed one is in the cohort, or the
        cohort's declarations are missing or contradict one another.
    """
    people = gather_people(records)
    notes = [_spelling_note(person) for person in people if len(person.spellings) > 1]
    if config.declared:
        splits = declared_splits(people, notes)
    elif config.folds is not None:
        splits = _folded(people, config, config.folds)
    else:
        splits = _listed(people, config, notes)
    return Assignment(
        splits={spelling: splits[p.key] for p in people for spelling in p.spellings},
        notes=tuple(notes),
        strata=_table(people, splits, config) if config.stratify else {},
    )


def listed_splits(
    people: Sequence[Person], fixed: FixedSubjects, notes: list[str]
) -> dict[str, Split]:
    """Return the splits of the people that `fixed` names; say in `notes` whom the cohort lacks.

    Raises
    ------
    DataError
        If none of the people of a list is in the cohort.
    """
    known = {name_key(person.key): person.key for person in people}
    splits: dict[str, Split] = {}
    for split, names in fixed.lists().items():
        missing = [name for name in names if person_key(name) not in known]
        if len(missing) == len(names):
            raise DataError(
                f"none of the {len(names)} subjects of split.fixed.{split}, such as '{names[0]}', "
                "is in the cohort: expected names without the source, such as "
                f"'{next(iter(known), 'IXI019')}'. Correct the list."
            )
        if missing:
            notes.append(
                f"{len(missing)} of the {len(names)} subjects of split.fixed.{split} are not in "
                f"the cohort: {_shown(missing)}"
            )
        splits.update({known[key]: split for key in map(person_key, names) if key in known})
    return splits


def declared_splits(people: Sequence[Person], notes: list[str]) -> dict[str, Split]:
    """Return the splits that the cohort declares; say in `notes` who has none.

    Raises
    ------
    DataError
        If nobody has one, or one person has two, or one that does not exist.
    """
    splits: dict[str, Split] = {}
    silent = [person.subject for person in people if not person.declared]
    if len(silent) == len(people):
        raise DataError(
            "the cohort declares no splits: expected folders or a column of its table that name "
            "train, validation or test. Add them, or set 'declared: false'."
        )
    for person in people:
        if len(person.declared) > 1:
            raise DataError(
                f"the cohort puts subject '{person.subject}' into the splits "
                f"{' and '.join(person.declared)}: expected one. Correct it there, or set "
                "'declared: false'."
            )
        splits[person.key] = known_split(person.declared[0]) if person.declared else "train"
    if silent:
        notes.append(
            f"{len(silent)} subjects have no declared split and are trained on: {_shown(silent)}"
        )
    return splits


def known_split(split: str) -> Split:
    """Return a declared split.

    Raises
    ------
    DataError
        If there is none of that name.
    """
    for name in SPLITS:
        if split == name:
            return name
    raise DataError(
        f"the cohort declares the split '{split}': expected one of {', '.join(SPLITS)}. Correct "
        "it there."
    )


def _listed(people: Sequence[Person], config: SplitConfig, notes: list[str]) -> dict[str, Split]:
    splits = listed_splits(people, config.fixed, notes)
    rest = [person for person in people if person.key not in splits]
    shares = config.shares()
    if splits:
        listed = config.fixed.lists()
        shares = {split: share for split, share in shares.items() if split not in listed}
        shares = {split: share / sum(shares.values()) for split, share in shares.items()}
    if rest and not shares:
        raise DataError(
            f"{len(rest)} subjects are in no list of split.fixed, and every split has one: "
            f"{_shown([person.subject for person in rest])}. Add them to split.fixed.train."
        )
    return splits | _by_shares(rest, shares, config)


def _folded(people: Sequence[Person], config: SplitConfig, folds: int) -> dict[str, Split]:
    if len(people) < folds:
        raise DataError(
            f"{len(people)} subjects cannot fill {folds} folds: expected at least {folds}. "
            "Add subjects, or use fewer folds."
        )
    sizes = {fold: len(people[fold::folds]) for fold in range(folds)}
    fold_of = _deal(people, sizes, config, "fold")
    tested: dict[str, Split] = {key: "test" for key, fold in fold_of.items() if fold == config.fold}
    whole = config.train + config.validation
    shares: dict[Split, float] = {"train": config.train / whole}
    if config.validation:
        shares["validation"] = config.validation / whole
    rest = [person for person in people if person.key not in tested]
    return tested | _by_shares(rest, shares, config)


def _by_shares(
    people: Sequence[Person], shares: Mapping[Split, float], config: SplitConfig
) -> dict[str, Split]:
    if len(people) < len(shares):
        raise DataError(
            f"{len(people)} subjects cannot fill the splits {', '.join(shares)}: expected at "
            f"least {len(shares)}. Add subjects, or set the share of a split to 0."
        )
    return _deal(people, _counts(len(people), shares), config, "split")


def _deal(
    people: Sequence[Person], counts: Mapping[Label, int], config: SplitConfig, stream: str
) -> dict[str, Label]:
    return deal(
        people,
        counts,
        stratum=lambda person: stratum_of(person, config),
        rank=lambda person: rng(config.seed, stream, person.subject).random(),
    )


def _counts(total: int, shares: Mapping[Split, float]) -> dict[Split, int]:
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


def _table(
    people: Sequence[Person], splits: Mapping[str, Split], config: SplitConfig
) -> dict[str, dict[str, int]]:
    groups: dict[str, Counter[str]] = {}
    for person in people:
        words = ", ".join(stratum_of(person, config))
        groups.setdefault(words, Counter())[splits[person.key]] += 1
    return {words: {split: counts[split] for split in SPLITS} for words, counts in groups.items()}


def _spelling_note(person: Person) -> str:
    names = " and ".join(f"'{spelling}'" for spelling in person.spellings)
    return (
        f"the names {names} differ in case or the spelling of accents alone: taken for one person"
    )


def _shown(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more
