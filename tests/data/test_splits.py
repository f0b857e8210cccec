import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from mrigen.config import parse_config
from mrigen.data.splits import SPLITS, SplitConfig, assign_splits, check_disjoint
from mrigen.errors import ConfigError, DataError

PEOPLE = st.lists(st.text("abcXYZ/0123456789", min_size=1, max_size=8), min_size=1, max_size=60)


@st.composite
def configs(draw):
    train = draw(st.floats(0.05, 1))
    validation = draw(st.sampled_from([0.0, (1 - train) / 2, 1 - train]))
    test = 1 - train - validation
    return SplitConfig(
        train=train,
        validation=validation,
        test=test if test > 1e-9 else 0.0,
        seed=draw(st.integers(0, 5)),
    )


@settings(deadline=None)
@given(subjects=PEOPLE, config=configs(), order=st.randoms(use_true_random=False))
def test_splits_are_complete_order_free_and_never_empty(subjects, config, order):
    assume(len(set(subjects)) >= len(config.shares()))
    assigned = assign_splits(subjects, config)
    assert set(assigned) == set(subjects)
    assert set(assigned.values()) == set(config.shares())
    shuffled = [*subjects, *subjects[:3]]
    order.shuffle(shuffled)
    assert assign_splits(shuffled, config) == assigned


@settings(deadline=None)
@given(subjects=PEOPLE, config=configs())
def test_a_manifest_of_any_assignment_is_disjoint(subjects, config):
    assume(len(set(subjects)) >= len(config.shares()))
    assigned = assign_splits(subjects, config)
    rows = [{"subject": subject, "split": assigned[subject]} for subject in subjects]
    check_disjoint(pd.DataFrame(rows))


@settings(deadline=None)
@given(count=st.integers(30, 500), seed=st.integers(0, 100))
def test_counts_follow_the_shares(count, seed):
    config = SplitConfig(train=0.7, validation=0.1, test=0.2, seed=seed)
    assigned = list(assign_splits(map(str, range(count)), config).values())
    for split, share in config.shares().items():
        assert abs(assigned.count(split) - count * share) < 1


def test_one_more_subject_moves_few_others():
    config = SplitConfig()
    before = assign_splits(map(str, range(100)), config)
    after = assign_splits(map(str, range(101)), config)
    assert sum(before[subject] != after[subject] for subject in before) <= 2


def test_another_seed_deals_anew():
    subjects = list(map(str, range(50)))
    assert assign_splits(subjects, SplitConfig()) != assign_splits(subjects, SplitConfig(seed=1))


def test_each_of_three_subjects_fills_a_split():
    assert sorted(assign_splits("abc", SplitConfig()).values()) == sorted(SPLITS)


def test_too_few_subjects_are_a_data_error():
    with pytest.raises(
        DataError, match="2 subjects cannot fill the splits train, validation, test"
    ):
        assign_splits(["a", "b"], SplitConfig())


def test_shares_have_to_sum_to_one():
    with pytest.raises(ConfigError, match=r"expected train, validation and test that sum to 1"):
        parse_config(SplitConfig, {"train": 0.9}, source="params.yaml")


def test_a_subject_in_two_splits_is_a_data_error():
    manifest = pd.DataFrame({"subject": ["a", "b", "a"], "split": ["train", "train", "test"]})
    with pytest.raises(DataError, match="subject 'a' is in the splits test and train"):
        check_disjoint(manifest)


def test_an_unknown_split_is_a_data_error():
    with pytest.raises(DataError, match="split 'holdout'"):
        check_disjoint(pd.DataFrame({"subject": ["a"], "split": ["holdout"]}))
