"""Planted differences between models are found over subjects, and slices alone prove nothing."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from mrigen.evaluation.comparison.paired import COLUMNS, compare_pairs
from mrigen.evaluation.comparison.slice_scores import SliceScores

SLICES = 20


def scores(model, values, subjects, *, dataset="heads", measure="slice_ssim", setting="same"):
    frame = pd.DataFrame({"subject": subjects, measure: values})
    return SliceScores(model, dataset, frame, {measure: setting})


def heads(count):
    return np.repeat([f"s{number:02d}" for number in range(count)], SLICES)


def noise(count, *, of_heads, of_slices, seed=0):
    stream = np.random.default_rng(seed)
    between = np.repeat(stream.normal(0, of_heads, count), SLICES)
    return 0.8 + between + stream.normal(0, of_slices, count * SLICES)


def test_a_planted_difference_is_found():
    subjects, values = heads(12), noise(12, of_heads=0.05, of_slices=0.01)
    worse = values - 0.02 + noise(12, of_heads=0, of_slices=0.01, seed=1) - 0.8
    (row,) = compare_pairs([scores("a", values, subjects), scores("b", worse, subjects)]).pairs.rows
    assert set(row) == set(COLUMNS)
    assert row["verdict"] == "a is better"
    assert row["difference"] == pytest.approx(0.02, abs=0.003)
    assert row["difference_low"] < row["difference"] < row["difference_high"]
    assert (row["subjects"], row["slices"]) == (12, 240)


def test_lower_is_better_where_it_is():
    subjects, values = heads(12), noise(12, of_heads=0.05, of_slices=0.01)
    pair = [
        scores("a", values + 0.02, subjects, measure="slice_mse"),
        scores("b", values, subjects, measure="slice_mse"),
    ]
    assert compare_pairs(pair).pairs.rows[0]["verdict"] == "b is better"


def test_heads_that_differ_are_no_finding_though_their_slices_seem_to_be():
    subjects = heads(8)
    shifts = noise(8, of_heads=0.05, of_slices=0.005, seed=3) - 0.8
    values = noise(8, of_heads=0.05, of_slices=0.01)
    found = compare_pairs([scores("a", values + shifts, subjects), scores("b", values, subjects)])
    (row,) = found.pairs.rows
    assert row["p_t_of_slices"] < 0.001
    assert row["p_t"] > 0.05
    assert row["verdict"] == "no difference shown; the test over slices would claim one"
    (summary,) = found.summary.rows
    assert (summary["both_tests"], summary["slices_as_if_alone"]) == (0, 1)


def test_the_numbers_are_those_of_subject_means():
    subjects = heads(7)
    first, second = (noise(7, of_heads=0.05, of_slices=0.02, seed=seed) for seed in (1, 2))
    (row,) = compare_pairs([scores("a", first, subjects), scores("b", second, subjects)]).pairs.rows
    one, other = (values.reshape(7, SLICES).mean(1) for values in (first, second))
    assert row["p_t"] == pytest.approx(stats.ttest_rel(one, other).pvalue)
    assert row["p_wilcoxon"] == pytest.approx(stats.wilcoxon(one, other).pvalue)
    assert row["p_t_of_slices"] == pytest.approx(stats.ttest_rel(first, second).pvalue)


def test_identical_models_do_not_differ():
    subjects, values = heads(6), noise(6, of_heads=0.05, of_slices=0.01)
    (row,) = compare_pairs(
        [scores("a", values, subjects), scores("b", values, subjects)]
    ).pairs.rows
    assert row["p_t"] == row["p_wilcoxon"] == row["p_t_of_slices"] == 1
    assert row["verdict"] == "no difference shown"


def test_holm_corrects_over_the_pairs_of_one_measure():
    subjects = heads(10)
    models = [
        scores(name, noise(10, of_heads=0.05, of_slices=0.02, seed=seed), subjects)
        for seed, name in enumerate("abc")
    ]
    rows = compare_pairs(models).pairs.rows
    assert [(row["model_a"], row["model_b"]) for row in rows] == [*zip("aab", "bcc", strict=True)]
    plain = sorted(row["p_t"] for row in rows)
    corrected = sorted(row["p_t_holm"] for row in rows)
    assert corrected[0] == pytest.approx(min(1, 3 * plain[0]))
    assert all(row["p_t_holm"] >= row["p_t"] for row in rows)


def test_only_what_had_the_same_input_is_paired():
    subjects, values = heads(6), noise(6, of_heads=0.05, of_slices=0.01)
    models = [
        scores("a", values, subjects, setting="blur"),
        scores("b", values, subjects, setting="noise"),
        scores("c", values, subjects, dataset="tumours", setting="blur"),
    ]
    found = compare_pairs(models)
    assert not found.pairs.rows
    assert not found.summary.rows
    assert not found.remarks


def test_only_slices_that_both_have_are_paired():
    subjects, values = heads(6), noise(6, of_heads=0.05, of_slices=0.01)
    one, other = scores("a", values, subjects), scores("b", values.copy(), subjects)
    other.values.loc[:2, "slice_ssim"] = np.nan
    fewer = SliceScores("b", "heads", other.values.iloc[::2], other.settings)
    (row,) = compare_pairs([one, fewer]).pairs.rows
    assert row["slices"] == 60 - 2


def test_too_few_subjects_are_a_sentence():
    subjects, values = heads(2), noise(2, of_heads=0.05, of_slices=0.01)
    found = compare_pairs([scores("a", values, subjects), scores("b", values, subjects)])
    assert not found.pairs.rows
    assert found.remarks == (
        "Models of dataset 'heads' are not tested against each other where they share fewer than "
        "3 test subjects: such as 'a' and 'b'.",
    )


def test_a_test_without_a_chance_is_told():
    subjects, values = heads(5), noise(5, of_heads=0.05, of_slices=0.001)
    found = compare_pairs([scores("a", values, subjects), scores("b", values - 0.1, subjects)])
    assert found.pairs.rows[0]["verdict"] == "a is better by the t-test alone"
    assert "with 5 test subjects its p is at least 0.0625" in found.remarks[0]
