import numpy as np
import pandas as pd
import pytest

from mrigen.evaluation.usefulness.classifier import answer, build_classifier
from mrigen.evaluation.usefulness.labels import (
    UNKNOWN,
    find_problem,
    label_generated,
    label_slices,
    told_labels,
)


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


def test_a_network_was_told_the_label_of_the_slice_that_it_was_to_draw_alike():
    table = manifest(sex=["f", "m", None], age=[20, 50, 80], label_fraction=[0.0, 0.5, 0.5])
    rows = np.array([2, 1, 1, 0])
    told = {
        (task, names): told_labels(task, label(table, task), rows, names).tolist()
        for task in ("sex", "age_group", "tumour")
        for names in (("age", "sex", "modality"), ("sex",), ("position_mm",))
    }
    nothing = [UNKNOWN] * 4
    assert told["sex", ("sex",)] == told["sex", ("age", "sex", "modality")] == [UNKNOWN, 1, 1, 0]
    assert told["age_group", ("age", "sex", "modality")] == [1, 1, 1, 0]
    assert told["age_group", ("sex",)] == told["sex", ("position_mm",)] == nothing
    assert all(told["tumour", names] == nothing for task, names in told if task == "tumour")


def test_a_classifier_labels_where_nothing_was_told():
    teacher = build_classifier(2, 16, seed=0).eval()
    images = np.random.default_rng(0).integers(0, 256, (12, 1, 16, 16), np.uint8)
    taught = answer(teacher, images)
    told = np.where(np.arange(12) % 3, 1 - taught, UNKNOWN)
    labels = label_generated(images, teacher, told)
    assert labels[::3].tolist() == taught[::3].tolist()
    assert labels[1::3].tolist() == (1 - taught)[1::3].tolist()
    assert np.array_equal(label_generated(images, teacher, np.full(12, UNKNOWN)), taught)
