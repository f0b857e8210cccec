"""People in two splits: the splits of two studies that have them, and the check for the others."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from mrigen.data.records import SliceRecord
from mrigen.data.splits.assignment import (
    assign_splits,
    declared_splits,
    known_split,
    listed_splits,
)
from mrigen.data.splits.config import SPLITS, Leak, Split, SplitConfig
from mrigen.data.splits.people import gather_people, person_key
from mrigen.errors import DataError
from mrigen.seeds import rng

if TYPE_CHECKING:
    import pandas as pd  # half the start of a worker process, which cuts slices without it

_WARNING = (
    "split '{leak}' puts slices of the same {count} subjects into {places}: numbers measured on "
    "its {measured} slices say how well a model remembers heads that it was trained on, not how "
    "well it does on other people."
)


class Dealt(NamedTuple):
    """The splits of slices, with what has to be told.

    Attributes
    ----------
    splits
        One per record.
    notes
        What a reader should know of subjects and lists.
    warnings
        What must be told with every number measured on these slices.
    strata
        As `Assignment` has them.
    """

    splits: list[Split]
    notes: tuple[str, ...]
    warnings: tuple[str, ...]
    strata: dict[str, dict[str, int]]


def deal_slices(records: Sequence[SliceRecord], config: SplitConfig) -> Dealt:
    """Give every slice its split: that of its subject, or by a study's leaking rule.

    Raises
    ------
    DataError
        As `assign_splits`; also if a leaking rule leaves a split empty.
    """
    if config.leaking is None:
        assigned = assign_splits(records, config)
        splits = [assigned.splits[record.subject] for record in records]
        return Dealt(splits, assigned.notes, (), assigned.strata)
    notes: list[str] = []
    measured: Split = "test" if config.leaking == "tablado" else "validation"
    if config.leaking == "tablado":
        splits = _tablado(records, config)
    else:
        splits = _arnaiz(records, config, notes)
    for split in ("train", measured):
        if split not in splits:
            raise DataError(
                f"split '{config.leaking}' of {len(records)} slices leaves nothing for {split}: "
                "expected more slices a volume. Widen the dataset's selection, or use a split by "
                "subject."
            )
    return Dealt(splits, tuple(notes), _warnings(records, splits, config.leaking), {})


def _tablado(records: Sequence[SliceRecord], config: SplitConfig) -> list[Split]:
    """Shuffle each volume's slices; those at positions above 0.9 times their number are tested."""
    if config.declared:
        declared = [record.declared_split for record in records]
        return ["train" if split is None else known_split(split) for split in declared]
    volumes: dict[tuple[str, str, str], list[int]] = {}
    for row in _in_order(records):
        record = records[row]
        # Pictures are a file each: theirs is the volume of a subject and modality.
        path = "" if record.spacing_mm is None else record.path
        volumes.setdefault((record.subject, record.modality, path), []).append(row)
    splits: list[Split] = ["train"] * len(records)
    for volume, rows in volumes.items():
        shuffled = rng(config.seed, "tablado", *volume).permutation(rows)
        for place, row in enumerate(shuffled):
            if 10 * place > 9 * len(rows):
                splits[row] = "test"
    return splits


def _arnaiz(records: Sequence[SliceRecord], config: SplitConfig, notes: list[str]) -> list[Split]:
    """Set the test subjects apart; shuffle the slices of all others and cut at int(0.85 N)."""
    people = gather_people(records)
    if config.declared:
        apart = declared_splits(people, notes)
    else:
        apart = listed_splits(people, config.fixed, notes)
    tested = {
        name for person in people if apart.get(person.key) == "test" for name in person.spellings
    }
    splits: list[Split] = ["test"] * len(records)
    rest = [row for row in _in_order(records) if records[row].subject not in tested]
    cut = len(rest) * 85 // 100
    for place, row in enumerate(rng(config.seed, "arnaiz").permutation(rest)):
        splits[row] = "train" if place < cut else "validation"
    return splits


def _in_order(records: Sequence[SliceRecord]) -> list[int]:
    # The deal must not depend on the order in which files were read.
    def place(row: int) -> tuple[str, int, str, int]:
        record = records[row]
        channel = -1 if record.channel is None else record.channel
        return record.path, channel, record.plane, record.index

    return sorted(range(len(records)), key=place)


def _warnings(
    records: Sequence[SliceRecord], splits: Sequence[Split], leak: Leak
) -> tuple[str, ...]:
    pairs = {(person_key(r.subject), split) for r, split in zip(records, splits, strict=True)}
    people = {split: {key for key, where in pairs if where == split} for split in SPLITS}
    warnings = []
    # A cohort's own declarations may leak into both.
    for measured in ("validation", "test"):
        count, places = len(people["train"] & people[measured]), f"train and {measured}"
        if count:
            warnings.append(
                _WARNING.format(leak=leak, count=count, places=places, measured=measured)
            )
    return tuple(warnings)


def check_disjoint(manifest: "pd.DataFrame", *, leaking: Leak | None = None) -> None:
    """Check that every person lies in one known split; spellings of one name are one person.

    Parameters
    ----------
    manifest
        With the columns `subject` and `split`.
    leaking
        Name of the leaking split that made it: "tablado" may put anybody anywhere, "arnaiz" tests
        on nobody from the other splits.

    Raises
    ------
    DataError
        Naming the first subject in two splits, or the first unknown split.
    """
    pairs = manifest[["subject", "split"]].drop_duplicates().sort_values(["subject", "split"])
    found: dict[str, tuple[str, set[str]]] = {}
    for subject, split in zip(pairs["subject"], pairs["split"], strict=True):
        if split not in SPLITS:
            raise DataError(
                f"the manifest names the split '{split}': expected one of {', '.join(SPLITS)}. "
                "Make the slices again."
            )
        found.setdefault(person_key(subject), (subject, set()))[1].add(split)
    shareable: dict[Leak | None, set[str]] = {
        None: set(),
        "arnaiz": {"train", "validation"},
        "tablado": set(SPLITS),
    }
    for subject, places in found.values():
        if len(places) > 1 and not places <= shareable[leaking]:
            raise DataError(
                f"subject '{subject}' is in the splits {' and '.join(sorted(places))}: expected "
                "one split per person. Make the slices again."
            )
