"""Reading what a model scored on each slice."""

import pytest

from mrigen.errors import DataError
from mrigen.evaluation.comparison.slice_scores import read_slice_scores

EVALUATED = {"data_fingerprint": "ab", "evaluation": {"seed": 0, "restoration": {"slices": 4}}}


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "tables").mkdir()
    return tmp_path


def write(folder, text, name="restoration_slices"):
    (folder / "tables" / f"{name}.csv").write_text(text)


def read(folder, corruption=None, evaluated=EVALUATED):
    return read_slice_scores(
        folder, model="unet", dataset="heads", corruption=corruption, evaluated=evaluated
    )


def test_measures_are_columns_and_blanks_are_missing(folder):
    write(folder, "row,subject,position_mm,slice_ssim,slice_mse\n7,a,-3,0.5,\n9,b,4,0.25,1e-3\n")
    scores = read(folder)
    assert scores.measures == ["slice_ssim", "slice_mse"]
    assert list(scores.values.index) == [7, 9]
    assert list(scores.values["subject"]) == ["a", "b"]
    assert scores.values.isna().sum().to_dict() == {"subject": 0, "slice_ssim": 0, "slice_mse": 1}


def test_a_model_without_the_table_has_no_scores(folder):
    assert read(folder) is None


def test_damage_has_to_be_the_same_for_what_was_damaged(folder):
    write(folder, "row,subject,slice_ssim\n7,a,0.5\n")
    plain, damaged = read(folder), read(folder, [{"name": "blur"}])
    assert plain.settings["slice_ssim"] != damaged.settings["slice_ssim"]
    other = EVALUATED | {"data_fingerprint": "cd"}
    assert read(folder, evaluated=other).settings != plain.settings


@pytest.mark.parametrize(
    "text",
    [
        "",
        "subject,slice_ssim\na,1\n",
        "row,subject,slice_ssim\n1,a\n",
        "row,subject,slice_ssim\n1,a,x\n",
    ],
)
def test_a_damaged_table_is_named(folder, text):
    write(folder, text)
    with pytest.raises(DataError, match=r"restoration_slices\.csv' is .*run mrigen evaluate"):
        read(folder)


def test_slices_judged_by_two_judges_are_joined_by_their_rows(folder):
    write(folder, "row,subject,clean_ssim\n7,a,0.5\n9,b,0.25\n")
    write(folder, "row,subject,nearest_distance\n9,b,3\n11,c,4\n", name="generation_slices")
    values = read(folder).values
    assert list(values.index) == [7, 9, 11]
    assert list(values["subject"]) == ["a", "b", "c"]
    assert values["nearest_distance"].fillna(-1).tolist() == [-1, 3, 4]
    assert values["clean_ssim"].fillna(-1).tolist() == [0.5, 0.25, -1]


def test_generators_are_paired_only_with_as_many_samples_and_the_same_features(folder):
    write(folder, "row,subject,nearest_distance\n9,b,3\n", name="generation_slices")
    few, many = (
        EVALUATED | {"evaluation": {"seed": seed, "samples": count, "extractors": []}}
        for seed, count in ((0, 10), (1, 20))
    )
    again = few | {"evaluation": few["evaluation"] | {"seed": 5}}
    setting = read(folder, evaluated=few).settings["nearest_distance"]
    assert read(folder, evaluated=many).settings["nearest_distance"] != setting
    assert read(folder, evaluated=again).settings["nearest_distance"] == setting
