import numpy as np
import pytest

from mrigen.data.slicing.cohort import measure_outliers
from mrigen.data.slicing.selection import OutlierContent
from mrigen.data.survey.content import SliceContent, judge, kept_ranges, measure_content


def content(counts, brain=None):
    counts = np.asarray(counts)
    return SliceContent(
        plane="axial",
        nonzero_count=counts,
        nonzero_mean=counts * 2.0,
        brain_fraction=None if brain is None else np.asarray(brain, float),
    )


@pytest.mark.parametrize("measure", ["nonzero_count", "nonzero_mean"])
def test_measures_are_those_that_the_selection_cuts(measure):
    array = np.random.default_rng(0).integers(-1, 3, (4, 5, 6)).astype(np.float32)
    array[:, 2] = 0
    found = measure_content(array, "coronal").values(measure)
    rule = OutlierContent(rule=measure)
    expected = measure_outliers(np.moveaxis(array, 1, 0), rule)
    assert found.tolist() == pytest.approx(expected.tolist())


def test_rules_are_judged_over_all_scans_together():
    values = np.arange(1, 101)
    verdicts = judge([content(values[:50]), content(values[50:])], 0.5)
    found = {(verdict.measure, verdict.cut): verdict for verdict in verdicts}
    first = np.percentile(values, 25)
    assert found["nonzero_count", "q1"].value == first
    assert found["nonzero_count", "q1"].kept == (values >= first).sum()
    assert found["nonzero_count", "q1_iqr"].value == first - 1.5 * 49.5
    assert found["nonzero_mean", "sd3"].value == pytest.approx(
        (2 * values).mean() - 3 * (2 * values).std()
    )
    assert {verdict.slices for verdict in verdicts} == {100}
    assert ("brain_fraction", "") not in found


def test_a_slice_at_the_cut_is_kept_as_the_selection_keeps_it():
    verdict = judge([content([1, 2, 3, 4, 5])], 0.5)[0]
    assert (verdict.value, verdict.kept) == (2, 4)


def test_scans_that_lose_every_slice_are_counted():
    verdicts = judge([content([1, 1]), content([90, 91]), content([92, 93])], 0.5)
    assert next(v.emptied for v in verdicts if (v.measure, v.cut) == ("nonzero_count", "q1")) == 1


def test_the_brain_rule_keeps_what_lies_above_its_cut():
    scans = [content([1, 1, 1], [0.1, 0.3, 0.2]), content([1, 1, 1], [0, 0, 0.2]), content([9])]
    verdict = judge(scans, 0.2)[-1]
    assert (verdict.measure, verdict.value, verdict.kept) == ("brain_fraction", 0.2, 1)
    assert (verdict.slices, verdict.emptied) == (6, 1)


def test_kept_ranges_tell_gaps():
    whole = content([1] * 6, [0, 0.5, 0.5, 0.5, 0, 0])
    torn = content([1] * 6, [0.5, 0, 0.5, 0.5, 0.5, 0])
    empty = content([1] * 6, [0] * 6)
    ranges = kept_ranges([whole, torn, empty, content([1])], 0.2)
    assert ranges.first.tolist() == [1, 0]
    assert ranges.last.tolist() == [3, 4]
    assert ranges.number.tolist() == [3, 4]
    assert ranges.contiguous == 1
    assert not len(kept_ranges([empty], 0.2).first)
