"""Options of conditions, as one dict for the command."""

from functools import partial

import click
import pytest
from click.testing import CliRunner

from mrigen.cli.conditions import condition_options
from mrigen.errors import ConfigError


def told(*words, **options):
    """What a command is told of the conditions on its command line."""
    seen = []

    @click.command()
    @partial(condition_options, **options)
    def command(conditions):
        seen.append(conditions)

    answer = CliRunner().invoke(command, words, catch_exceptions=True)
    if answer.exception:
        raise answer.exception
    return seen[0]


def test_options_and_named_values_are_told_together():
    words = ["--age", "70", "--position-mm", "-10.5", "--modality", "T1w"]
    assert told(*words, "--condition", "dose=2", "--condition", "site=Guys") == {
        "age": 70.0, "position_mm": -10.5, "modality": "T1w", "dose": 2.0, "site": "Guys",
    }  # fmt: skip
    assert told() == {}


@pytest.mark.parametrize(
    ("word", "sex"), [("f", "female"), ("male", "male"), ("M", "male"), ("Female", "female")]
)
def test_a_sex_is_written_in_short_or_in_full(word, sex):
    assert told("--sex", word) == told("--condition", f"sex={word}") == {"sex": sex}


def test_the_name_of_a_modality_is_no_number():
    assert told("--condition", "modality=3") == told("--modality", "3") == {"modality": "3"}


@pytest.mark.parametrize(
    ("option", "name", "values"),
    [("--age", "age", ("70", "60")), ("--age", "age", ("70", "70")),
     ("--position-mm", "position_mm", ("1", "2")), ("--sex", "sex", ("f", "female"))],
)  # fmt: skip
def test_what_is_told_twice_is_refused(option, name, values):
    with pytest.raises(ConfigError, match=f"{option} and --condition {name}=.* both tell"):
        told(option, values[0], "--condition", f"{name}={values[1]}")


def test_a_command_may_leave_an_option_out():
    assert told("--age", "70", without={"position_mm"}) == {"age": 70.0}
    with pytest.raises(SystemExit):
        told("--position-mm", "10", without={"position_mm"})
