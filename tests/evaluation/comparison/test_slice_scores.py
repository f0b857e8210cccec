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
