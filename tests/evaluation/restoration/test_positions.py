import numpy as np
import pytest

from mrigen.evaluation.restoration.positions import judge_positions
from mrigen.metrics.intervals import mean_interval

SUBJECTS = np.array(list("abcd") * 6, dtype=object)
POSITIONS = np.repeat(np.arange(6.0), 4) * 10
SCORES = {
    "clean_psnr_db": POSITIONS + np.tile([0.0, 1.0, 2.0, 3.0], 6),
    "clean_ssim": np.linspace(0, 1, 24),
}


def rows_of(positions, bins, scores=SCORES):
    judgement = judge_positions(scores, positions, SUBJECTS, bins=bins, seed=0)
    return judgement, judgement.tables["restoration_positions"].rows


def test_every_slice_is_in_one_bin_with_its_neighbours():
    _, rows = rows_of(POSITIONS, 3)
    assert sum(row["slices"] for row in rows) == 24
    assert [row["subjects"] for row in rows] == [4] * 3
    for row in rows:
        low, high = row["from_mm"] - (row is rows[0]), row["to_mm"]
        inside = np.array([low < position <= high for position in POSITIONS])
        expected = mean_interval(SCORES["clean_psnr_db"][inside], SUBJECTS[inside])
        found = tuple(row[f"clean_psnr_db{end}"] for end in ("", "_low", "_high"))
        assert found == pytest.approx(tuple(expected))


def test_slices_of_one_position_stay_together_and_no_bin_is_empty():
    positions = np.where(np.arange(24) < 20, 5.0, 50.0)
    _, rows = rows_of(positions, 10)
    assert [row["slices"] for row in rows] == [24]
    positions[0] = 0.0
    _, rows = rows_of(positions, 10)
    assert [row["slices"] for row in rows] == [20, 4]


def test_what_the_model_was_not_trained_for_has_no_column():
    _, rows = rows_of(POSITIONS, 3)
    assert not any("slice_" in name for name in rows[0])
    more = {f"{kind}_psnr_db": SCORES["clean_psnr_db"] for kind in ("slice", "input_slice")}
    judgement, rows = rows_of(POSITIONS, 3, SCORES | more)
    assert {"slice_psnr_db", "input_slice_psnr_db"} <= set(rows[0])
    assert judgement.pictures["restoration_positions"].png.startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("positions", "words"),
    [(np.full(24, 7.0), "at one position"), (np.full(24, np.nan), "is not known")],
)
def test_slices_without_different_positions_get_a_sentence(positions, words):
    judgement = judge_positions(SCORES, positions, SUBJECTS, bins=4, seed=0)
    assert words in judgement.remarks[0]
    assert not judgement.tables
    assert not judgement.pictures
