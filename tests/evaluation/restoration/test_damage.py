import numpy as np
import pytest
from torch import nn

from judged_cases import case, open_store
from mrigen.evaluation.restoration.damage import judge_damage
from mrigen.evaluation.restoration.suite import KINDS, score_suite
from mrigen.metrics.intervals import mean_interval


class Darker(nn.Module):
    def reconstruct(self, images):
        return images * 0.9


class Copy(nn.Module):
    def reconstruct(self, images):
        return images


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("damage")
    return case(folder, Darker(), store=open_store(folder))


@pytest.fixture(scope="module")
def found(made):
    return judge_damage(made, made.rows("test"), (0.5,))


def rows_of(judgement, **place):
    rows = judgement.tables["restoration_damage"].rows
    return [row for row in rows if place.items() <= row.items()]


def test_full_strength_is_always_judged(found):
    strengths = {row["strength"] for row in rows_of(found[0])}
    assert strengths == {0.5, 1.0}


def test_metrics_are_means_over_kinds_at_full_strength(made, found):
    judgement, scores = found
    rows = made.rows("test")
    suite, subjects = score_suite(made, rows, [1.0]), made.subjects(rows)
    values = np.mean([suite[kind, 1.0]["slice_psnr_db"] for kind in KINDS], axis=0)
    np.testing.assert_allclose(scores["damage_psnr_db"], values)
    interval = mean_interval(values, subjects, seed=made.seed)
    metrics = judgement.metrics
    assert metrics["damage_psnr_db"] == pytest.approx(interval.value)
    assert metrics["damage_psnr_db_low"] == pytest.approx(interval.low)
    assert metrics["input_damage_ssim"] == pytest.approx(
        np.mean([metrics[f"{kind}/input_damage_ssim"] for kind in KINDS])
    )
    assert metrics["blur/damage_ssim"] == pytest.approx(suite["blur", 1.0]["slice_ssim"].mean())
    (row,) = rows_of(judgement, kind="blur", strength=1.0)
    assert row["ssim"] == metrics["blur/damage_ssim"]
    assert row["ssim_low"] == metrics["blur/damage_ssim_low"]
    assert row["input_psnr_db"] == metrics["blur/input_damage_psnr_db"]


def test_regions_are_told_apart(found):
    assert {row["kind"] for row in rows_of(found[0], region="patch")} == {
        "line_patch",
        "blank_squares",
    }
    assert len(rows_of(found[0], region="slice")) == 2 * len(KINDS)


def test_the_gain_is_the_difference_to_the_input(found):
    for row in rows_of(found[0]):
        assert row["gain_db"] == pytest.approx(row["psnr_db"] - row["input_psnr_db"])
        assert row["gain_db_low"] <= row["gain_db"] <= row["gain_db_high"]


def test_doing_nothing_gains_nothing(made, tmp_path):
    judgement, _ = judge_damage(
        case(tmp_path, Copy(), store=made.store), made.rows("test", 4), (1.0,)
    )
    assert all(row["gain_db"] == row["gain_db_low"] == 0 for row in rows_of(judgement))
    for name, value in judgement.metrics.items():
        if "input_" in name:
            assert value == pytest.approx(judgement.metrics[name.replace("input_", "")])


def test_pictures_are_drawn(found):
    pictures = found[0].pictures
    assert set(pictures) == {"restoration_gain", "restoration_damages"}
    assert all(picture.png.startswith(b"\x89PNG") for picture in pictures.values())
