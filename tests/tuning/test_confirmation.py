"""What pairs of trainings say, in numbers and in words, and the file that keeps them."""

import json

import pytest
from scipy import stats

from mrigen.tuning.confirmation import (
    CONFIRMATION,
    Confirmation,
    Training,
    read_confirmation,
    write_confirmation,
)


def training(side, seed, score):
    return Training(side=side, seed=seed, scores={"dssim": score, "mse": 1.0}, seconds=2.0)


def confirmation(pairs, *, seeds=None, more=(), in_study=0.2):
    trainings = [
        training(side, seed, score)
        for seed, scores in enumerate(pairs)
        for side, score in zip(("baseline", "tuned"), scores, strict=True)
    ]
    return Confirmation(
        model="unet",
        study="unet-1f2e3d4c-a1b2c3d4",
        trial=7,
        score="dssim",
        baseline={"network.depth": 3, "training.learning_rate": 1e-3},
        tuned={"network.depth": 4, "training.learning_rate": 2e-3},
        baseline_in_study=in_study,
        tuned_in_study=0.1,
        seeds=tuple(range(seeds or len(pairs))),
        trainings=(*trainings, *more),
    )


def test_the_gain_has_the_interval_of_a_paired_t_test():
    pairs = [(0.20, 0.15), (0.22, 0.16), (0.21, 0.18), (0.25, 0.19)]
    made = confirmation(pairs)
    baseline, tuned = zip(*pairs, strict=True)
    expected = stats.ttest_rel(baseline, tuned).confidence_interval(0.95)
    assert made.gain.value == pytest.approx(0.05)
    assert (made.gain.low, made.gain.high) == pytest.approx((expected.low, expected.high))
    assert made.wins == 4
    assert made.confirmed
    first, second, third, _ = made.sentences()
    assert "trial 7 (depth 4, learning_rate 0.002) has a mean dssim of 0.17" in first
    assert "the baseline 0.22; the trial's is smaller with 4 of 4" in first
    assert "The gain of 0.05 has a 95 % interval over seeds" in second
    assert second.endswith(": it is confirmed.")
    assert third == "In the study it was 0.1 against 0.2, a gain of 0.1."


@pytest.mark.parametrize(
    ("pairs", "verdict"),
    [
        ([(0.20, 0.15), (0.20, 0.21), (0.20, 0.19)], "with zero in it: it is not confirmed"),
        ([(0.20, 0.30), (0.20, 0.31), (0.20, 0.29)], "the baseline is better"),
        ([(0.20, 0.20), (0.20, 0.20)], "with zero in it: it is not confirmed"),
    ],
)
def test_what_may_be_chance_or_is_worse_is_not_confirmed(pairs, verdict):
    made = confirmation(pairs)
    assert not made.confirmed
    assert verdict in made.sentences()[1]


def test_one_pair_tells_nothing_of_chance():
    made = confirmation([(0.2, 0.1)], seeds=3)
    assert made.gain == (pytest.approx(0.1), None, None)
    assert not made.confirmed
    assert made.left == 4
    assert "no interval without 2 pairs" in made.sentences()[1]
    assert "4 of 6 trainings have not ended" in " ".join(made.sentences())


def test_before_the_first_pair_there_is_no_gain():
    made = confirmation([], seeds=2, more=[training("baseline", 0, 0.2)])
    assert made.gain is None
    assert made.sentences()[0] == "No fresh seed has trained both the baseline and trial 7."


def test_a_trial_that_fails_with_a_fresh_seed_is_not_confirmed():
    lost = Training(side="tuned", seed=3, reason="diverged at step 12")
    good = [(0.20, 0.10), (0.21, 0.11), (0.22, 0.12)]
    made = confirmation(good, seeds=4, more=[training("baseline", 3, 0.2), lost])
    assert len(made.pairs) == 3
    assert made.gain.low > 0
    assert not made.confirmed
    told = made.sentences()
    assert "not every training has ended well" in told[1]
    assert "With seed 3, trial 7 failed: diverged at step 12." in told


def test_a_study_without_a_baseline_says_nothing_of_its_gain():
    told = confirmation([(0.2, 0.1), (0.2, 0.1)], in_study=None).sentences()
    assert not any("In the study" in sentence for sentence in told)


def test_what_was_written_is_read_again(tmp_path):
    made = confirmation([(0.20, 0.15), (0.22, 0.16)])
    path = write_confirmation(tmp_path / "unet", made)
    assert path.name == CONFIRMATION
    assert read_confirmation(tmp_path / "unet") == made
    result = json.loads(path.read_text())["result"]
    assert result["gain"]["value"] == pytest.approx(0.055)
    assert (result["wins"], result["pairs"], result["confirmed"]) == (2, 2, made.confirmed)


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"model": 1}', "\xff", "[" * 10_000])
def test_a_damaged_file_is_as_good_as_none(tmp_path, content):
    assert read_confirmation(tmp_path) is None
    (tmp_path / CONFIRMATION).write_bytes(content.encode("latin-1"))
    assert read_confirmation(tmp_path) is None
