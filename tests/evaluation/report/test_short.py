"""Sentences that say what the numbers say, and nothing else."""

import pytest

from mrigen.evaluation.report.short import copying_verdict, in_short


def text(refusals=None, **metrics):
    return " ".join(in_short(metrics, refusals))


def test_restoration_is_told_beside_leaving_the_damage_alone():
    better = text(slice_psnr_db=30.0, input_slice_psnr_db=22.0)
    assert "reaches a PSNR of 30.00 dB, 8.0 dB closer to the clean slice than leaving" in better
    worse = text(damage_psnr_db=20.0, input_damage_psnr_db=22.5)
    assert "standard damage of every kind it reaches a PSNR of 20.00 dB, 2.5 dB further" in worse


def test_generation_is_told_as_distance_over_floor():
    said = text(frechet_ratio=6.5, frechet_ratio_low=5.9, frechet_ratio_high=7.2)
    assert "from real test slices is 6.50 (5.90 to 7.20) times that of real slices of other" in said


def test_what_the_quick_mode_costs_is_told():
    said = text(quick_frechet_ratio=1.25)
    assert "its quick mode draws are 1.25 times as far from real ones as its others" in said


def test_precision_and_coverage_stand_beside_those_of_real_slices():
    said = text(precision=0.1, precision_of_real=0.8, coverage=0.25)
    assert "10% of them" in said
    assert "(precision; real slices of other people: 80%), and 25% of real slices" in said
    assert "near them (coverage)." in said


@pytest.mark.parametrize(
    ("share", "low", "control", "words"),
    [
        (0.30, 0.20, 0.01, "30.0% of its slices pass for copies of training slices, against 1.0% "),
        (0.30, 0.20, 0.01, ": a sign of copying."),
        (0.02, 0.00, 0.01, ": no sign of copying."),
        (0.01, 0.01, 0.01, ": no sign of copying."),
    ],
)
def test_copying_is_told_beside_its_control(share, low, control, words):
    metrics = {"copied_share": share, "copied_share_low": low, "copied_share_of_real": control}
    assert words in copying_verdict(metrics)
    assert words in text(**metrics)


def test_copies_of_the_quick_mode_are_told():
    metrics = {"copied_share": 0.0, "copied_share_low": 0.0, "copied_share_of_real": 0.01}
    quick = {"quick_copied_share": 0.3, "quick_copied_share_low": 0.2}
    said = copying_verdict(metrics | quick)
    assert "(in the quick mode 30.0%)" in said
    assert said.endswith(": a sign of copying.")
    stacks = {"stack_copied_share": 0.1, "stack_copied_share_low": 0.05}
    said = copying_verdict(metrics | stacks)
    assert "(in stacks 10.0%)" in said
    assert said.endswith(": a sign of copying.")
    assert "(in the quick mode 30.0%, in stacks 10.0%)" in copying_verdict(metrics | quick | stacks)


def test_what_was_not_judged_is_not_told():
    assert copying_verdict({}) is None
    assert in_short({}, None) == ["It has no gate of its own."]


@pytest.mark.parametrize(
    ("share", "words"), [(0.55, "are hardly told"), (0.6, "hardly"), (0.97, "slices are told")]
)
def test_being_told_apart_is_told(share, words):
    assert words in text(told_apart=share)


def test_usefulness_is_told_as_a_gain_over_real_slices():
    metrics = {"tumour/useful_both": 0.85, "tumour/useful_gain": 0.05, "sex/useful_both": 0.5}
    said = text(**metrics)
    assert "classifier of tumour that learns from generated slices beside real ones" in said
    assert "alone is 0.050: too few test subjects to tell gain from chance." in said
    assert "of sex" not in said


@pytest.mark.parametrize(
    ("low", "high", "words"),
    [
        (0.01, 0.09, "they help"),
        (-0.09, -0.01, "they harm"),
        (-0.01, 0.09, "neither gain nor loss is shown"),
    ],
)
def test_a_gain_is_one_where_its_interval_leaves_out_nothing(low, high, words):
    ends = {"tumour/useful_gain_low": low, "tumour/useful_gain_high": high}
    assert f"): {words}." in text(
        **{"tumour/useful_both": 0.85, "tumour/useful_gain": 0.05}, **ends
    )


def test_copying_by_slices_like_nobody_s_is_no_relief():
    metrics = {"copied_share": 0.0, "copied_share_of_real": 0.01}
    assert copying_verdict(metrics | {"precision": 0.5}).endswith(": no sign of copying.")
    assert "nobody's say little" in copying_verdict(metrics | {"precision": 0.0})
    sure = metrics | {"copied_share": 0.4, "copied_share_low": 0.3, "precision": 0.0}
    assert copying_verdict(sure).endswith(": a sign of copying.")


@pytest.mark.parametrize(
    ("found", "bar", "words"),
    [(0.93, None, "lesions stand out"), (0.57, 0.6, "hardly stand out"), (0.48, 0.4, "hardly")],
)
def test_lesions_stand_out_only_above_chance_and_brightness(found, bar, words):
    metrics = {"inserted_pixel_auroc": found}
    if bar is not None:
        metrics["brightness/inserted_pixel_auroc"] = bar
    assert words in text(**metrics)


def test_lesions_and_the_gate_are_told():
    assert "inserted lesions stand out" in text(inserted_pixel_auroc=0.93)
    assert text(refusals=["a", "b"]).endswith("It does not pass its gate: a; b.")
    assert text(refusals=[]).endswith("It passes its gate.")


def test_what_was_asked_for_is_told_beside_what_readers_can_do():
    said = text(**{"age/asked_error": 12.34, "age/asked_error_of_real": 10.6})
    assert "The age read from its slices is off by 12.3 years from what was asked for" in said
    assert "real test slices by 10.6 years" in said
    assert "position" not in said


def test_growing_ventricles_are_told_beside_those_of_real_people():
    said = text(ventricle_growth=80.0, ventricle_growth_of_real=110.0)
    assert "grow by 80.0 mm2 a decade; between real people they differ by 110.0" in said
