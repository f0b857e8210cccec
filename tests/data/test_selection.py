import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mrigen.config import parse_config
from mrigen.data.selection import SelectionConfig, positions_mm, select_positions
from mrigen.errors import ConfigError


def chosen(count, spacing_mm=1.0, **values):
    return select_positions(SelectionConfig(**values), count, spacing_mm).tolist()


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
        ({"step": 0}, "'step' is 0: expected greater than or equal to 1"),
    ],
)
def test_mistakes_say_what_was_expected(values, words):
    with pytest.raises(ConfigError, match=words):
        parse_config(SelectionConfig, values, source="params.yaml")
