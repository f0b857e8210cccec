import dataclasses
import math

import numpy as np
import pytest
import torch
from torch import nn

from damage import recipe
from judged_cases import case, open_store
from mrigen.data.loader import ordered_batches
from mrigen.evaluation.case import spread_over
from mrigen.evaluation.catalogue.listing import find_metric
from mrigen.evaluation.restoration.judge import judge_restoration
from mrigen.metrics.similarity import mse, ssim

COLUMNS = ["row", "subject", "position_mm", "clean_mse", "clean_psnr_db", "clean_ssim",
           "clean_dssim"]  # fmt: skip
OWN = ["slice_mse", "slice_psnr_db", "slice_ssim", "slice_dssim"]
ALL = ["damage_psnr_db", "damage_ssim"]
SMALL = {"slices": 20, "restoration": {"strengths": [1.0], "slices": 5}, "restoration_images": 2}
DAMAGE = recipe({"name": "line_patch"}, {"name": "gaussian_noise", "std": 0.05})


class Darker(nn.Module):
    def reconstruct(self, images):
        return images * 0.9


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return open_store(tmp_path_factory.mktemp("judge"))


def made(folder, store, corruption=None, network=None, **settings):
    whole = case(folder, network or Darker(), store=store, **SMALL | settings)
    return dataclasses.replace(whole, corruption=corruption)


@pytest.fixture(scope="module")
def clean(tmp_path_factory, store):
    each = made(tmp_path_factory.mktemp("clean"), store)
    return each, judge_restoration(each)


@pytest.fixture(scope="module")
def damaged(tmp_path_factory, store):
    each = made(tmp_path_factory.mktemp("damaged"), store, DAMAGE)
    return each, judge_restoration(each)


def test_a_model_of_clean_slices_has_no_scores_of_restored_ones(clean):
    case, judgement = clean
    images = case.images(case.rows("test", 20))
    assert judgement.metrics["clean_mse"] == pytest.approx(
        float(mse(images * 0.9, images).mean()), rel=1e-6
    )
    assert judgement.metrics["clean_dssim"] == pytest.approx(
        float((1 - ssim(images * 0.9, images)).mean()) / 2
    )
    assert not any(name.startswith(("slice_", "patch_", "input_slice", "flattened"))
                   for name in judgement.metrics)  # fmt: skip
    assert judgement.metrics["damage_psnr_db"] > 0
    assert judgement.tables["restoration_slices"].columns == [*COLUMNS, *ALL]


def test_a_model_of_damaged_slices_is_judged_on_both(clean, damaged):
    judgement = damaged[1]
    assert judgement.metrics.items() >= clean[1].metrics.items()
    names = {"mse", "psnr_db", "ssim", "dssim", "flattened_ssim", "squared_mean_difference"}
    usual = {f"{region}_{name}" for region in ("slice", "patch") for name in names}
    original = {"flattened_ssim", "squared_mean_difference"}
    expected = {n for n in usual if n.removeprefix("slice_") not in original} | original
    assert expected | {f"input_{name}" for name in expected} <= set(judgement.metrics)
    assert judgement.metrics["slice_count"] == judgement.metrics["patch_count"] == 20
    assert judgement.tables["restoration_slices"].columns == [*COLUMNS, *OWN, *ALL]
    assert judgement.metrics["slice_mse"] > judgement.metrics["clean_mse"]


def test_every_number_is_finite_and_in_the_catalogue(damaged):
    for name, value in damaged[1].metrics.items():
        assert math.isfinite(value), name
        assert find_metric(name) is not None, name


def test_tables_have_no_gaps_but_those_they_tell_of(damaged):
    for name, table in damaged[1].tables.items():
        assert name.startswith("restoration_")
        assert "nan" not in table.csv().lower()
        assert "inf" not in table.csv().lower()


def test_each_slice_has_its_scores_by_its_row(damaged):
    case, judgement = damaged
    rows = judgement.tables["restoration_slices"].rows
    numbers = case.rows("test", 20)
    assert [row["row"] for row in rows] == numbers.tolist()
    assert [row["subject"] for row in rows] == case.subjects(numbers).tolist()
    positions = case.store.manifest["position_mm"].to_numpy()[numbers]
    assert [row["position_mm"] for row in rows] == positions.tolist()
    images = case.images(numbers)
    expected = mse(images * 0.9, images).tolist()
    assert [row["clean_mse"] for row in rows] == pytest.approx(expected)
    assert np.mean([row["slice_ssim"] for row in rows]) == pytest.approx(
        judgement.metrics["slice_ssim"]
    )
    suite = [row["row"] for row in rows if row["damage_psnr_db"] is not None]
    assert suite == spread_over(numbers, 5).tolist()
    assert np.mean([row["damage_ssim"] or 0 for row in rows]) == pytest.approx(
        judgement.metrics["damage_ssim"] * 5 / 20
    )


def test_answers_to_damage_stand_at_the_rows_that_were_damaged(damaged):
    case, judgement = damaged
    dataset = case.dataset("test", corruption=case.corruption)
    (batch,) = ordered_batches(dataset, batch_size=32, limit=20)
    rows = judgement.tables["restoration_slices"].rows
    assert [row["row"] for row in rows] == batch.index.tolist()
    expected = mse(batch.input * 0.9, batch.target)
    assert [row["slice_mse"] for row in rows] == pytest.approx(expected.tolist())


def test_intervals_are_over_subjects(damaged):
    metrics = damaged[1].metrics
    for name in ("clean_ssim", "slice_mse", "patch_psnr_db", "damage_ssim", "flattened_ssim"):
        assert metrics[f"{name}_low"] < metrics[name] < metrics[f"{name}_high"]
    assert not any("no intervals" in remark for remark in damaged[1].remarks)


def test_one_subject_has_no_interval_but_a_sentence(store, tmp_path):
    few = open_store(tmp_path, subjects=3)
    judgement = judge_restoration(made(tmp_path, few, DAMAGE))
    assert not any(name.endswith(("_low", "_high")) for name in judgement.metrics)
    assert any("those of one subject: there are no intervals" in each for each in judgement.remarks)
    assert "gain_db" in judgement.tables["restoration_damage"].columns


def test_slices_without_a_position_are_judged_all_the_same(tmp_path):
    judgement = judge_restoration(made(tmp_path, open_store(tmp_path, positions=False)))
    assert {row["position_mm"] for row in judgement.tables["restoration_slices"].rows} == {None}
    assert "restoration_positions" not in judgement.tables
    assert any("is not known" in remark for remark in judgement.remarks)


def test_patches_too_small_for_the_original_ssim_are_told(store, tmp_path):
    tiny = recipe({"name": "blank_squares", "size": 2, "centre": 60})
    judgement = judge_restoration(made(tmp_path, store, tiny))
    assert judgement.remarks[0].startswith("20 of the patches have fewer than 7 pixels")
    assert "patch_flattened_ssim" not in judgement.metrics
    assert "patch_squared_mean_difference" in judgement.metrics


def test_the_same_case_gives_the_same_files(damaged):
    case, first = damaged
    second = judge_restoration(case)
    assert first.metrics == second.metrics
    assert first.remarks == second.remarks
    for name, table in first.tables.items():
        assert table.csv() == second.tables[name].csv()
    for name, picture in first.pictures.items():
        assert picture.png == second.pictures[name].png


def test_what_answers_no_images_or_is_not_to_be_judged_is_left_alone(store, tmp_path):
    assert not judge_restoration(made(tmp_path, store, network=nn.Linear(1, 1))).metrics
    assert not judge_restoration(made(tmp_path, store, restoration=None)).metrics


def test_a_perfect_model_is_judged_without_infinities(store, tmp_path):
    class Copy(nn.Module):
        def reconstruct(self, images):
            return images

    metrics = judge_restoration(made(tmp_path, store, network=Copy())).metrics
    assert metrics["clean_psnr_db"] == 100
    assert metrics["clean_mse"] == 0
    assert metrics["clean_dssim"] == pytest.approx(0, abs=1e-15)
    assert all(torch.isfinite(torch.tensor(list(metrics.values()))))
