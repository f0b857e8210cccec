import numpy as np
import pandas as pd
import pytest

from mrigen.evaluation.usefulness.labels import UNKNOWN, find_problem, label_slices


def manifest(**columns):
    count = len(next(iter(columns.values())))
    missing = {"label_fraction": np.nan, "sex": None, "age": np.nan, "split": "train"}
    named = {"subject": [f"s{row}" for row in range(count)]}
    return pd.DataFrame(
        {name: [value] * count for name, value in missing.items()} | named | columns
    )


def label(table, task, age_groups=2):
    return label_slices(table, task, age_groups=age_groups)


def test_a_tumour_is_any_part_of_a_slice():
    labels = label(manifest(label_fraction=[0, 1e-6, 0.5, np.nan]), "tumour").labels
    assert labels.tolist() == [0, 1, 1, UNKNOWN]


def test_sex_is_what_the_table_says():
    labelling = label(manifest(sex=["f", "m", None]), "sex")
    assert labelling.classes == ("female", "male")
    assert labelling.labels.tolist() == [0, 1, UNKNOWN]


def test_age_groups_have_equally_many_training_subjects():
    # One subject has many slices, and those of the test split are far older.
    ages = [20, 20, 20, 20, 30, 40, 50, 90, np.nan]
    table = manifest(age=ages, subject=list("aaaabcdef"), split=["train"] * 7 + ["test", "train"])
    labelling = label(table, "age_group")
    assert labelling.classes == ("below 35.0 years", "35.0 years or more")
    assert labelling.labels.tolist() == [0, 0, 0, 0, 0, 1, 1, 1, UNKNOWN]
    four = label(table, "age_group", 4)
    assert four.labels.tolist() == [0, 0, 0, 0, 1, 2, 3, 3, UNKNOWN]
    assert four.classes[1:3] == ("27.5 to 35.0 years", "35.0 to 42.5 years")


@pytest.mark.parametrize("task", ["tumour", "sex", "age_group"])
def test_says_that_nothing_is_known(task):
    labelling = label(manifest(index=[0, 1]), task)
    assert set(labelling.labels) == {UNKNOWN}
    assert find_problem(task, labelling, {}).startswith(
        f"What generated slices are worth for '{task}' was not measured: "
    )


def test_says_which_class_has_too_few_subjects_where():
    labelling = label(manifest(sex=["f", "m"]), "sex")
    train = np.array([0, 0, 1, 1]), np.array(list("abcd"), object)
    test = np.array([0, 0, 1, 1]), np.array(list("efgg"), object)
    assert find_problem("sex", labelling, {"train": train, "test": train}) is None
    problem = find_problem("sex", labelling, {"train": train, "test": test})
    assert problem.endswith("subjects of 'male' in the test split: 1, expected at least 2.")


def test_ages_that_are_all_the_same_leave_a_group_empty():
    table = manifest(age=[30.0] * 4)
    labelling = label(table, "age_group")
    people = {"train": (labelling.labels, table["subject"].to_numpy(object))}
    assert "subjects of 'below 30.0 years'" in find_problem("age_group", labelling, people)
