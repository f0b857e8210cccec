import numpy as np
import pandas as pd
import pytest

from mrigen.data.covariates import read_covariates
from mrigen.errors import DataError
from mrigen.models.interfaces import Condition
from told_people import CONDITIONS, people_store


def manifest(**columns):
    missing = {"position_mm": np.nan, "age": np.nan, "sex": None, "modality": "T1w"}
    count = len(next(iter(columns.values())))
    return pd.DataFrame({name: [value] * count for name, value in missing.items()} | columns)


def read(condition, **columns):
    return read_covariates(manifest(**columns), [condition])[condition.name]


def test_numbers_are_as_the_table_has_them_and_unknown_ones_are_not_numbers():
    ages = read(Condition("age", 0, 100), age=[70.25, np.nan, 20])
    assert ages.dtype == np.float32
    assert np.array_equal(ages, [70.25, np.nan, 20], equal_nan=True)
    places = read(Condition("position_mm", 0, 1), position_mm=[-12.5, 3])
    assert places.tolist() == [-12.5, 3]


@pytest.mark.parametrize("unknown", [None, np.nan, "unsure"])
def test_a_sex_is_its_place_among_the_choices(unknown):
    words = ["m", "f", unknown]
    for choices, places in ((("female", "male"), [1, 0]), (("male", "female"), [0, 1])):
        values = read(Condition("sex", 0, 1, choices=choices), sex=words)
        assert values.dtype == np.float32
        assert np.array_equal(values, [*places, np.nan], equal_nan=True)


def test_a_modality_that_is_not_listed_is_not_known():
    listed = Condition("modality", 0, 1, choices=("T2w", "T1w"))
    values = read(listed, modality=["T1w", "FLAIR", "T2w"])
    assert np.array_equal(values, [1, np.nan, 0], equal_nan=True)


def test_columns_of_nothing_but_unknown_values_are_read(tmp_path):
    # The manifest as it comes from its file, where such columns have a type of their own.
    store = people_store(tmp_path / "heads", subjects=8, age=None, sex=None, position_mm=None)
    known = read_covariates(store.manifest, CONDITIONS)
    assert list(known) == [condition.name for condition in CONDITIONS]
    assert all(len(values) == len(store) for values in known.values())
    assert all(np.isnan(known[name]).all() for name in ("age", "sex", "position_mm"))
    assert (known["modality"] == 1).all()


@pytest.mark.parametrize(
    ("condition", "words"),
    [
        (Condition("weight", 0, 100), "the number 'weight'"),
        (Condition("subject", 0, 1, choices=("a", "b")), "choices of 'subject'"),
        (Condition("age", 0, 1, choices=("young", "old")), "choices of 'age'"),
        (Condition("sex", 0, 1), "the number 'sex'"),
    ],
)
def test_what_no_manifest_holds_is_refused(condition, words):
    with pytest.raises(DataError, match=rf"asks for {words}, which no manifest holds: expected"):
        read_covariates(manifest(age=[1.0]), [condition])
