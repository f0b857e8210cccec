import numpy as np
import pytest
from torch import nn

from judged_cases import case, open_store
from mrigen.evaluation.ladder import RUNGS
from mrigen.evaluation.restoration.known_damage import judge_known_damage, measure_ladder
from mrigen.metrics.similarity import mse


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("known")
    return case(folder, nn.Identity(), store=open_store(folder))


@pytest.fixture(scope="module")
def judgement(made):
    scores = {"clean_mse": 1e-9, "clean_ssim": 0.9, "slice_mse": 0.002, "input_slice_mse": 0.02}
    return judge_known_damage(made, made.rows("test"), scores)


def test_the_ladder_is_measured_on_the_slices_given(made, judgement):
    rows = judgement.tables["restoration_ladder"].rows
    assert [(row["kind"], row["level"], row["unit"]) for row in rows] == [
        (rung.kind, rung.level, rung.unit) for rung in RUNGS
    ]
    clean = made.images(made.rows("test"))
    for rung, row in zip(RUNGS, rows, strict=True):
        if rung.kind != "noise":
            expected = float(mse(rung.degrade(clean, seed=0), clean).mean())
            assert row["mse"] == pytest.approx(expected)


def test_every_batch_has_noise_of_its_own(tmp_path, monkeypatch):
    store = open_store(tmp_path)
    same = case(tmp_path, nn.Identity(), store=store)
    rows = np.repeat(same.rows("test", 1), 64)
    monkeypatch.setattr("mrigen.evaluation.restoration.known_damage.BATCH", 1)
    found = measure_ladder(same, rows)
    clean = same.images(rows)
    for rung in RUNGS:
        if rung.kind == "noise":
            alone = float(mse(rung.degrade(clean[:1], seed=0), clean[:1]))
            together = float(mse(rung.degrade(clean, seed=1), clean).mean())
            assert found[rung]["mse"] != pytest.approx(alone, rel=1e-3)
            assert found[rung]["mse"] == pytest.approx(together, rel=0.05)


def test_each_score_of_the_model_has_its_line_and_errors_a_remark(judgement):
    rows = judgement.tables["restoration_acceptable"].rows
    assert [row["score"] for row in rows] == [
        "clean_mse", "clean_ssim", "slice_mse", "input_slice_mse",
    ]  # fmt: skip
    assert rows[0]["noise_outside"] == rows[0]["blur_outside"] == "below"
    assert 0 < rows[2]["blur"] < rows[3]["blur"]
    assert judgement.remarks == [rows[0]["sentence"], rows[2]["sentence"]]


def test_the_picture_shows_the_ladder(judgement):
    assert judgement.pictures["restoration_ladder"].png.startswith(b"\x89PNG")
