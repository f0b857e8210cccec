import math

import pytest

from mrigen.evaluation.ladder import Rung
from mrigen.evaluation.restoration.matches import Match, find_matches, say


def noise_ladder(*levels, kind="noise"):
    """Rungs that leave the mean squared error of noise without an edge to cut it."""
    ladder = {}
    for level in levels:
        likeness = 1 / (1 + level)
        ladder[Rung(kind, level, "std")] = {
            "mse": level**2,
            "psnr_db": -20 * math.log10(level),
            "ssim": likeness,
            "dssim": (1 - likeness) / 2,
        }
    return ladder


LADDER = noise_ladder(0.01, 0.02, 0.04, 0.08)


@pytest.mark.parametrize("level", [0.01, 0.013, 0.02, 0.05, 0.08])
def test_levels_between_rungs_are_found_from_the_error(level):
    (match,) = find_matches(LADDER, "mse", level**2)
    assert match == Match("noise", pytest.approx(level), "")


@pytest.mark.parametrize("level", [0.01, 0.02, 0.04, 0.08])
@pytest.mark.parametrize("measure", ["mse", "psnr_db", "ssim", "dssim"])
def test_the_scores_of_a_rung_find_it(level, measure):
    value = LADDER[Rung("noise", level, "std")][measure]
    (match,) = find_matches(LADDER, measure, value)
    assert match.level == pytest.approx(level)


@pytest.mark.parametrize(
    ("measure", "good", "bad"),
    [("mse", 0.0, 1.0), ("psnr_db", 100.0, 3.0), ("ssim", 1.0, -0.2), ("dssim", 0.0, 0.9)],
)
def test_errors_outside_the_ladder_are_said_to_be_so(measure, good, bad):
    assert find_matches(LADDER, measure, good) == [Match("noise", 0.01, "below")]
    assert find_matches(LADDER, measure, bad) == [Match("noise", 0.08, "above")]


def test_a_degradation_that_changes_nothing_matches_nothing():
    still = {Rung("blur", 1.0, "px"): {"mse": 0.0}, Rung("blur", 2.0, "px"): {"mse": 0.0}}
    assert find_matches(still, "mse", 0.1) == []
    assert [match.kind for match in find_matches(LADDER | still, "mse", 0.0004)] == ["noise"]


def test_rungs_that_tie_by_rounding_are_no_obstacle():
    ladder = {
        Rung("blur", level, "px"): {"mse": error}
        for level, error in ((1.0, 0.01), (2.0, 0.02), (3.0, 0.0199), (4.0, 0.04))
    }
    (match,) = find_matches(ladder, "mse", 0.03)
    assert 3 < match.level < 4


def test_the_sentence_names_every_kind_and_what_is_outside():
    matches = [
        Match("blur", 1.234, ""),
        Match("noise", 0.0312, ""),
        Match("lower_resolution", 2.0, "below"),
    ]
    assert say("mse", 0.0009, matches, where="clean") == (
        "On clean slices, an MSE of 0.0009 is about what a blur of 1.2 px or noise of a standard "
        "deviation of 0.031 leaves, and less error than a resolution lowered 2 times leaves."
    )
    above = [Match("blur", 3.0, "above"), Match("noise", 0.16, "above")]
    assert say("psnr_db", 9.87, above, where="slice") == (
        "On the damage the model was trained on, a PSNR of 9.9 dB is more error than a blur of "
        "3 px or noise of a standard deviation of 0.16 leaves."
    )
