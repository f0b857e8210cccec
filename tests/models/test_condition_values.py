import pytest

from mrigen.errors import ConfigError
from mrigen.models.condition_values import condition_values
from small_conditional import CONDITIONS


def test_numbers_stay_and_choices_become_their_places():
    asked = {"age": 90, "position_mm": -40.0, "sex": "male"}
    values = condition_values(CONDITIONS, asked)
    assert values == {"age": 90.0, "position_mm": -40.0, "sex": 1.0}
    assert all(type(value) is float for value in values.values())


def test_what_is_left_out_stays_open():
    assert condition_values(CONDITIONS, {}) == {}


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        ({"aeg": 3}, "condition 'aeg' is not known: expected 'age', 'position_mm', 'sex'."),
        ({"age": 19.9}, "condition 'age' is 19.9: expected a number from 20 to 90 years."),
        ({"age": 1e300}, "condition 'age' is 1e+300: expected a number from 20 to 90 years."),
        ({"age": float("nan")}, "condition 'age' is nan: expected a number from 20 to 90 years."),
        ({"age": "30"}, "condition 'age' is '30': expected a number from 20 to 90 years."),
        ({"sex": 1}, "condition 'sex' is 1: expected 'female', 'male'."),
        ({"sex": "Male"}, "condition 'sex' is 'Male': expected 'female', 'male'."),
        ({"sex": ""}, "condition 'sex' is '': expected 'female', 'male'."),
    ],
)
def test_what_a_model_does_not_know_is_refused_with_what_it_does(asked, sentence):
    with pytest.raises(ConfigError) as refused:
        condition_values(CONDITIONS, asked)
    assert str(refused.value) == sentence


def test_a_model_without_conditions_says_so():
    with pytest.raises(ConfigError, match="condition 'age' is not known: this model takes none"):
        condition_values((), {"age": 30})


def test_a_refused_value_is_repeated_short_and_escaped():
    with pytest.raises(ConfigError) as refused:
        condition_values(CONDITIONS, {"\u202e<script>" * 99: 1})
    assert str(refused.value).isascii()
    assert len(str(refused.value)) < 200
