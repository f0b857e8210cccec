import pytest
import yaml
from dvc.utils.serialize import loads_yaml
from hypothesis import given
from hypothesis import strategies as st

from mrigen.errors import ConfigError
from mrigen.yaml_edits.nodes import same
from mrigen.yaml_edits.scalars import scalar_text

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)


@given(
    st.none() | st.booleans() | st.integers() | TEXTS
    | st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from(["", "1.0e-3", "0.1"]),
)  # fmt: skip
def test_pyyaml_and_dvc_read_back_what_was_written(value, like):
    text = scalar_text(value, like=like)
    for document in (f"a: {text} # as found", f"{{ a: {text} }}", f"[{text}]"):
        for read in (yaml.safe_load, loads_yaml):
            found = read(document)
            assert same(found[0] if isinstance(found, list) else found["a"], value)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0.0"), (1.0, "1.0"), (0.5, "0.5"), (0.01, "0.01"), (0.0099, "9.9e-3"),
        (1e-3, "1.0e-3"), (0.002345, "2.345e-3"), (-2e-7, "-2.0e-7"), (123456.0, "123456.0"),
        (1e6, "1.0e+6"), (1.25e30, "1.25e+30"), (5, "5"), (10**20, "1" + "0" * 20),
        (True, "true"), (None, "null"),
    ],
)  # fmt: skip
def test_numbers_are_written_as_people_would(value, text):
    assert scalar_text(value) == text


def test_a_number_below_one_follows_the_notation_of_what_it_replaces():
    assert scalar_text(0.05, like="1.0e-3") == "5.0e-2"
    assert scalar_text(0.05, like="0.001") == "0.05"
    assert scalar_text(2.5, like="1.0e-3") == "2.5"


@pytest.mark.parametrize("word", ["mixture", "line_patch", "two words", "v2-b"])
def test_plain_words_have_no_quotes(word):
    assert scalar_text(word) == word


@pytest.mark.parametrize("word", ["off", "No", "null", "y", "1e-3", "1_000", "1:30", "", "~"])
def test_words_that_might_be_something_else_have_quotes(word):
    assert scalar_text(word) == f'"{word}"'


@pytest.mark.parametrize("value", [float("nan"), float("-inf"), [1], b"bytes"])
def test_other_values_are_refused(value):
    with pytest.raises(ConfigError, match="cannot be written: expected a"):
        scalar_text(value)
