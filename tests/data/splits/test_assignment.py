import unicodedata
from collections import Counter

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import phantoms
from mrigen.data.splits.assignment import assign_splits
from mrigen.data.splits.config import SPLITS, SplitConfig
from mrigen.data.splits.people import person_key
from mrigen.errors import DataError

NAMES = st.text("abcXYZ/0123456789", min_size=1, max_size=8)
PEOPLE = st.lists(NAMES, min_size=1, max_size=60, unique_by=person_key)
# Below, the rule that no split is empty bends the shares.
MANY_PEOPLE = st.lists(NAMES, min_size=10, max_size=60, unique_by=person_key)
TRAITS = st.sampled_from(["age_group", "sex", "ethnicity", "site"])


@st.composite
def shares(draw):
    train = draw(st.floats(0.05, 1))
    validation = draw(st.sampled_from([0.0, (1 - train) / 2, 1 - train]))
    test = 1 - train - validation
    seed = draw(st.integers(0, 5))
    return {
        "train": train,
        "validation": validation,
        "test": test if test > 1e-9 else 0,
        "seed": seed,
    }


@st.composite
def cohorts(draw, subjects=PEOPLE):
    """Records of people with random traits, some with several files and slices."""
    records = []
    for subject in draw(subjects):
        traits = {
            "age": draw(st.none() | st.floats(18, 90)),
            "sex": draw(st.sampled_from(["m", "f", None])),
            "ethnicity": draw(st.sampled_from(["White", "Chinese", "Other", None])),
            "site": draw(st.sampled_from(["Guys", "HH", None])),
            "declared_split": draw(st.sampled_from([*SPLITS, None])),
        }
        for file in range(draw(st.integers(1, 2))):
            records += [
                phantoms.slice_record(subject, path=f"{subject}_{file}", index=index, **traits)
                for index in range(draw(st.integers(1, 2)))
            ]
    return records


def split_of(subjects, **config):
    records = [phantoms.slice_record(subject) for subject in subjects]
    return assign_splits(records, SplitConfig(**config)).splits


@settings(deadline=None)
@given(records=cohorts(), config=shares(), traits=st.sets(TRAITS), order=st.randoms())
def test_splits_are_complete_order_free_and_never_empty(records, config, traits, order):
    config = SplitConfig(**config, stratify=sorted(traits))
    people = {record.subject for record in records}
    assume(len(people) >= len(config.shares()))
    assigned = assign_splits(records, config)
    assert set(assigned.splits) == people
    assert set(assigned.splits.values()) == set(config.shares())
    shuffled = [*records, *records[:3]]
    order.shuffle(shuffled)
    assert assign_splits(shuffled, config) == assigned


@settings(deadline=None)
@given(count=st.integers(30, 500), seed=st.integers(0, 100))
def test_counts_follow_the_shares(count, seed):
    config = SplitConfig(train=0.7, validation=0.1, test=0.2, seed=seed)
    assigned = list(split_of(map(str, range(count)), **config.model_dump()).values())
    for split, share in config.shares().items():
        assert abs(assigned.count(split) - count * share) < 1


@settings(deadline=None, max_examples=50)
@given(records=cohorts(MANY_PEOPLE), traits=st.sets(TRAITS), seed=st.integers(0, 9))
def test_strata_follow_the_shares_and_the_total_follows_them_too(records, traits, seed):
    people = len({record.subject for record in records})
    plain = SplitConfig(train=0.6, validation=0.2, test=0.2, seed=seed)
    config = plain.model_copy(update={"stratify": tuple(sorted(traits))})
    assigned = assign_splits(records, config)
    counts = Counter(assigned.splits.values())
    assert counts == Counter(assign_splits(records, plain).splits.values())
    assert sum(map(sum, (row.values() for row in assigned.strata.values()))) in {0, people}
    for row in assigned.strata.values():
        size = sum(row.values())
        for split in SPLITS:
            assert abs(row[split] - size * counts[split] / people) < 2


def test_the_deal_of_a_seed_stays_what_it_was():
    subjects = [f"ixi/IXI{number:03d}" for number in range(40)]
    tested = [name for name, split in split_of(subjects).items() if split == "test"]
    assert tested == ["ixi/IXI001", "ixi/IXI019", "ixi/IXI027", "ixi/IXI030"]


@pytest.mark.parametrize("stratify", [(), ("sex",)])
def test_one_more_subject_moves_few_others(stratify):
    records = [phantoms.slice_record(str(n), sex="mf"[n % 2]) for n in range(101)]
    config = SplitConfig(stratify=stratify)
    before = assign_splits(records[:100], config).splits
    after = assign_splits(records, config).splits
    assert sum(before[subject] != after[subject] for subject in before) <= 4


def test_another_seed_deals_anew():
    subjects = list(map(str, range(50)))
    assert split_of(subjects) != split_of(subjects, seed=1)


def test_each_of_three_subjects_fills_a_split():
    assert sorted(split_of("abc").values()) == sorted(SPLITS)


def test_too_few_subjects_are_a_data_error():
    with pytest.raises(
        DataError, match="2 subjects cannot fill the splits train, validation, test"
    ):
        split_of(["a", "b"])


@pytest.mark.parametrize(
    "other", ["S/jose\u0301", "s/JOS\u00c9", unicodedata.normalize("NFC", "S/José")]
)
def test_two_spellings_of_a_name_are_one_person(other):
    subjects = [*map(str, range(20)), "s/josé", other]
    records = [phantoms.slice_record(subject) for subject in subjects]
    for seed in range(10):
        assigned = assign_splits(records, SplitConfig(seed=seed))
        assert assigned.splits[other] == assigned.splits["s/josé"]
        assert len(assigned.notes) == (other != "s/josé")
        assert all("taken for one person" in note for note in assigned.notes)


@settings(deadline=None)
@given(
    records=cohorts(MANY_PEOPLE),
    folds=st.integers(2, 7),
    seed=st.integers(0, 3),
    traits=st.sets(TRAITS),
    validation=st.sampled_from([0.0, 0.2]),
)
def test_every_subject_is_tested_in_exactly_one_fold(records, folds, seed, traits, validation):
    people = {record.subject for record in records}
    values = {"folds": folds, "seed": seed, "stratify": sorted(traits)}
    values |= {"train": 0.8 - validation, "validation": validation, "test": 0.2}
    tested = Counter()
    for fold in range(folds):
        splits = assign_splits(records, SplitConfig(**values, fold=fold)).splits
        assert set(splits) == people
        test = {subject for subject, split in splits.items() if split == "test"}
        assert len(test) in {len(people) // folds, -(-len(people) // folds)}
        assert ("validation" in splits.values()) == (validation > 0)
        tested.update(test)
    assert set(tested.values()) == {1}
    assert set(tested) == people


def test_too_few_subjects_for_the_folds_are_a_data_error():
    with pytest.raises(DataError, match="3 subjects cannot fill 4 folds"):
        split_of("abc", folds=4)


def test_listed_subjects_go_where_they_are_listed():
    subjects = [f"ixi/IXI{number:03d}" for number in range(30)]
    fixed = {"test": ["IXI003", "ixi007"], "train": ["IXI001"]}
    config = SplitConfig(train=0.8, validation=0.2, test=0, fixed=fixed)
    records = [phantoms.slice_record(subject) for subject in subjects]
    assigned = assign_splits(records, config)
    tested = {subject for subject, split in assigned.splits.items() if split == "test"}
    assert tested == {"ixi/IXI003", "ixi/IXI007"}
    # Train has a list, so that the rest goes to the only split without one.
    assert Counter(assigned.splits.values()) == {"test": 2, "train": 1, "validation": 27}
    assert assigned.notes == ()


@pytest.mark.parametrize("test_share", [0.0, 0.1])
def test_others_are_dealt_out_by_the_shares_of_the_splits_without_a_list(test_share):
    fixed = {"test": [str(number) for number in range(5)]}
    config = {"train": 0.75 * (1 - test_share), "validation": 0.25 * (1 - test_share)}
    splits = split_of(map(str, range(45)), **config, test=test_share, fixed=fixed)
    assert Counter(splits.values()) == {"test": 5, "train": 30, "validation": 10}


def test_listed_subjects_that_the_cohort_lacks_are_noted():
    records = [phantoms.slice_record(f"a/{number}") for number in range(10)]
    config = SplitConfig(fixed={"test": ["3", "77"]})
    (note,) = assign_splits(records, config).notes
    assert note == "1 of the 2 subjects of split.fixed.test are not in the cohort: 77"
    with pytest.raises(
        DataError, match=r"none of the 1 subjects of split\.fixed\.test, such as 'a/3"
    ):
        assign_splits(records, SplitConfig(fixed={"test": ["a/3"]}))


def test_subjects_without_a_place_are_an_error():
    fixed = {"train": ["0"], "validation": ["1"], "test": ["2"]}
    assert split_of("012", fixed=fixed) == {"0": "train", "1": "validation", "2": "test"}
    with pytest.raises(
        DataError, match=r"1 subjects are in no list of split\.fixed, and every spl"
    ):
        split_of("0123", fixed=fixed)


def test_declared_splits_are_taken_as_they_are():
    records = [
        phantoms.slice_record("a", declared_split="test"),
        phantoms.slice_record("a", path="second"),
        phantoms.slice_record("b", declared_split="validation"),
        phantoms.slice_record("c"),
    ]
    assigned = assign_splits(records, SplitConfig(declared=True))
    assert assigned.splits == {"a": "test", "b": "validation", "c": "train"}
    assert assigned.notes == ("1 subjects have no declared split and are trained on: c",)


@pytest.mark.parametrize(
    ("declared", "words"),
    [
        ([None, None], "the cohort declares no splits"),
        (["train", "test"], "puts subject 'a' into the splits test and train: expected one"),
        (["train", "holdout"], "puts subject 'a' into the splits holdout and train"),
        (["holdout", None], "declares the split 'holdout': expected one of train, validation, te"),
    ],
)
def test_bad_declarations_are_data_errors(declared, words):
    records = [
        phantoms.slice_record("a", declared_split=split, index=index, path=str(index))
        for index, split in enumerate(declared)
    ]
    with pytest.raises(DataError, match=words):
        assign_splits(records, SplitConfig(declared=True))
