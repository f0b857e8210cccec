import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mrigen.config import parse_config
from mrigen.data.slicing.selection import (
    BrainContent,
    OutlierContent,
    SelectionConfig,
    is_contiguous,
    keep_by_content,
    positions_mm,
    select_positions,
)
from mrigen.data.slicing.slice_tables import Stretch
from mrigen.errors import ConfigError, DataError


def chosen(slices, spacing_mm=1.0, centre=None, **values):
    config = SelectionConfig(**values)
    return select_positions(config, slices, spacing_mm, centre=centre).tolist()


def test_by_index():
    assert chosen(256, by="index", start=160, stop=190) == list(range(160, 190))
    assert chosen(256, by="index", start=160, stop=190, step=10) == [160, 170, 180]
    assert chosen(170, by="index", start=160, stop=190) == list(range(160, 170))
    assert chosen(90, by="index", start=160, stop=190) == []


def test_the_same_fraction_of_a_coarser_axis():
    assert chosen(256, by="fraction", start=160 / 256, stop=190 / 256) == list(range(160, 190))
    assert chosen(128, by="fraction", start=160 / 256, stop=190 / 256) == list(range(80, 95))
    assert chosen(10, by="fraction", start=0, stop=1) == list(range(10))


def test_millimetres_do_not_depend_on_the_spacing():
    for count, spacing_mm in ((181, 1.0), (91, 2.0), (61, 3.0)):
        rows = chosen(count, spacing_mm, by="mm", start=-30, stop=31)
        places = positions_mm(count, spacing_mm)[rows]
        assert places[0] == pytest.approx(-30, abs=spacing_mm)
        assert places[-1] == pytest.approx(30, abs=spacing_mm)


def test_millimetres_are_counted_from_the_centre_that_the_geometry_names():
    assert chosen(100, 2.0, 30.0, by="mm", start=-4, stop=5) == [28, 29, 30, 31, 32]
    assert chosen(100, 2.0, 30.5, by="mm", start=-4, stop=5) == [29, 30, 31, 32]
    assert chosen(100, 2.0, by="mm", start=-4, stop=5) == [48, 49, 50, 51]


def test_the_central_slices_of_the_study():
    assert chosen(256, by="central", count=51) == list(range(102, 153))
    assert chosen(256, by="central", count=151) == list(range(52, 203))
    assert chosen(9, by="central", count=3) == [3, 4, 5]
    assert chosen(9, by="central", count=20) == list(range(9))
    assert chosen(256, by="central", count=151, step=50) == [52, 102, 152, 202]


def test_all():
    assert chosen(5, by="all") == [0, 1, 2, 3, 4]
    assert chosen(5, by="all", step=3) == [0, 3]


def test_a_table_gives_each_scan_its_own_stretch():
    config = SelectionConfig(by="table", table="ranges.csv")
    table = {"IXI002-Guys-0828-T1": Stretch(22, 127), "whole": Stretch(0, 149)}

    def rows(name, count=150):
        return select_positions(config, count, 1.2, name=name, table=table).tolist()

    assert rows("IXI002-Guys-0828-T1") == list(range(22, 128))
    assert rows("whole") == list(range(150))
    with pytest.raises(DataError, match="scan 'IXI999' is not in the slice table: expected a line"):
        rows("IXI999")
    with pytest.raises(DataError, match="'whole' has 90 slices, but the slice table says 0 to 149"):
        rows("whole", 90)
    with pytest.raises(DataError, match="'whole' has 149 slices"):
        rows("whole", 149)


def test_the_brain_rule_wants_strictly_more():
    indices = np.arange(10, 14)
    shares = np.array([0.0, 3000, 3001, 65536]) / 65536
    assert keep_by_content(BrainContent(rule="brain"), indices, shares).tolist() == [12, 13]
    half = BrainContent(rule="brain", above=0.5)
    assert keep_by_content(half, indices, shares).tolist() == [13]


@pytest.mark.parametrize("rule", ["nonzero_count", "nonzero_mean"])
def test_the_outlier_rules_drop_what_lies_below_the_cut(rule):
    content, indices = OutlierContent(rule=rule), np.arange(3)
    measures = np.array([9.9, 10.0, 10.1])
    assert keep_by_content(content, indices, measures, cut=10.0).tolist() == [1, 2]
    with pytest.raises(ValueError, match="needs the cut"):
        keep_by_content(content, indices, measures)


def test_what_is_contiguous():
    assert is_contiguous(np.array([], np.int64))
    assert is_contiguous(np.array([7]))
    assert is_contiguous(np.array([7, 8, 9]))
    assert not is_contiguous(np.array([7, 9]))
    assert is_contiguous(np.array([7, 9]), step=2)


@settings(deadline=None)
@given(count=st.integers(1, 400), wanted=st.integers(1, 400))
def test_central_slices_are_as_central_as_can_be(count, wanted):
    rows = np.array(chosen(count, by="central", count=wanted))
    assert len(rows) == min(count, wanted)
    assert is_contiguous(rows)
    below, above = rows[0], count - 1 - rows[-1]
    assert above - below in {0, 1}


@settings(deadline=None)
@given(
    count=st.integers(1, 400),
    start=st.floats(0, 0.9),
    length=st.floats(0.01, 0.1),
    step=st.integers(1, 9),
)
def test_rows_ascend_inside_the_volume(count, start, length, step):
    config = SelectionConfig(by="fraction", start=start, stop=start + length, step=step)
    rows = select_positions(config, count, 1.0)
    assert (np.diff(rows) == step).all()
    assert ((rows >= 0) & (rows < count)).all()


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"start": 0.8, "stop": 0.2}, "expected start below stop"),
        ({"by": "fraction", "start": 40, "stop": 70}, r"expected start and stop in \[0, 1\]"),
        ({"by": "index", "start": 1.5, "stop": 3}, "expected whole slice numbers"),
        ({"by": "index", "start": -5, "stop": 3}, "expected whole slice numbers"),
        ({"by": "percent"}, "'by' is 'percent': expected 'index', 'fraction', 'mm'"),
        ({"by": "central"}, "expected count with by: central"),
        ({"by": "table"}, "expected table with by: table"),
        ({"by": "all", "count": 3}, "expected count with by: central"),
        ({"by": "all", "start": 3}, "expected no start and stop, which belong to by: index"),
        ({"by": "central", "count": 3, "stop": 0.9}, "expected no start and stop"),
        ({"content": {"rule": "brains"}}, "rule"),
        ({"by": "mm", "stop": 3}, "expected start and stop in millimetres with by: mm"),
        ({"step": 0}, "'step' is 0: expected greater than or equal to 1"),
    ],
)
def test_mistakes_say_what_was_expected(values, words):
    with pytest.raises(ConfigError, match=words):
        parse_config(SelectionConfig, values, source="params.yaml")
