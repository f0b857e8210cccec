import pytest

from mrigen.config import parse_config
from mrigen.data.splits.config import SplitConfig
from mrigen.errors import ConfigError


def parse(values):
    return parse_config(SplitConfig, values, source="params.yaml")


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"train": 0.9}, "expected train, validation and test that sum to 1"),
        ({"stratify": ["sex", "sex"]}, "expected each trait of stratify once"),
        ({"stratify": ["hair"]}, "expected 'age_group', 'sex', 'ethnicity' or 'site'"),
        ({"age_edges": [65, 25]}, "expected age_edges that ascend"),
        ({"stratify": ["age_group"], "age_edges": []}, "at least one for 'age_group'"),
        ({"ethnicities": ["White"]}, "expected 'ethnicity' in stratify"),
        ({"fold": 1}, "expected a number of folds where a fold is named"),
        ({"folds": 5, "fold": 5}, "expected a fold from 0 to 4, not 5"),
        ({"folds": 5, "fixed": {"test": ["a"]}}, "expected folds or fixed subjects, not both"),
        ({"declared": True, "folds": 5}, "expected declared splits without folds"),
        ({"declared": True, "stratify": ["sex"]}, "expected declared splits without stratify"),
        ({"declared": True, "fixed": {"test": ["a"]}}, "expected declared splits without fixed"),
        ({"leaking": "tablado", "folds": 2}, "expected leaking: tablado without folds"),
        ({"leaking": "tablado", "stratify": ["sex"]}, "leaking: tablado without stratify"),
        ({"leaking": "tablado", "fixed": {"test": ["a"]}}, "leaking: tablado without fixed"),
        ({"leaking": "arnaiz"}, r"expected fixed\.test with leaking: arnaiz"),
        (
            {"leaking": "arnaiz", "fixed": {"test": ["a"], "train": ["b"]}},
            r"expected leaking: arnaiz with fixed\.test alone",
        ),
        ({"leaking": "feliu"}, "expected 'tablado' or 'arnaiz'"),
    ],
)
def test_what_makes_no_sense_is_refused(values, words):
    with pytest.raises(ConfigError, match=words):
        parse(values)


@pytest.mark.parametrize("other", ["IXI019", "ixi019"])
def test_a_subject_in_two_lists_is_refused(other):
    with pytest.raises(ConfigError, match=r"fixed.*expected each subject once, not 'ixi019' 2 tim"):
        parse({"fixed": {"test": ["IXI019"], "train": [other]}})


@pytest.mark.parametrize(
    ("values", "tested"),
    [
        ({}, True),
        ({"train": 0.9, "test": 0}, False),
        ({"train": 0.9, "test": 0, "fixed": {"test": ["a"]}}, True),
        ({"train": 0.9, "test": 0, "fixed": {"train": ["a"]}}, False),
        ({"train": 0.9, "test": 0, "folds": 3}, True),
        ({"train": 0.9, "test": 0, "declared": True}, True),
        ({"train": 0.9, "test": 0, "leaking": "tablado"}, True),
    ],
)
def test_a_scheme_says_whether_anybody_is_tested_on(values, tested):
    assert parse(values).has_test is tested
