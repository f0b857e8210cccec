import pytest

from mrigen.config import parse_config
from mrigen.errors import ConfigError
from mrigen.models.flow.config import FlowConfig
from mrigen.models.interfaces import Condition


def parse(**keys):
    return parse_config(FlowConfig, {"name": "flow", **keys}, source="params.yaml")


def test_nothing_is_told_unless_it_is_listed():
    assert parse().conditions.listed() == ()


def test_conditions_are_listed_in_the_order_in_which_they_are_read():
    told = {"modality": ["T1w", "T2w"], "sex": True, "age": [18, 90], "position_mm": [-4, 60]}
    assert parse(conditions=told).conditions.listed() == (
        Condition("position_mm", -4, 60, "mm"),
        Condition("age", 18, 90, "years"),
        Condition("sex", 0, 1, choices=("female", "male")),
        Condition("modality", 0, 1, choices=("T1w", "T2w")),
    )


def test_a_guide_pushes_all_the_way_unless_it_is_told_where_to_start():
    # Bundles from before there was a start draw the bytes that they drew.
    guide = parse(autoguidance={"weight": 2.0}).autoguidance
    assert guide is not None
    assert guide.start == 0


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"conditions": {"age": [90, 18]}}, "'age' with two numbers, the smaller first"),
        ({"conditions": {"position_mm": [3, 3]}}, "'position_mm' with two numbers"),
        ({"conditions": {"age": [18]}}, "conditions.age"),
        ({"conditions": {"age": [18, ".inf"]}}, "conditions.age"),
        ({"conditions": {"modality": ["T1w", "T1w"]}}, "'modality' with every name once"),
        ({"conditions": {"modality": ["T1 w"]}}, "conditions.modality"),
        ({"conditions": {"sexe": True}}, "did you mean 'sex'"),
        ({"sampling": {"steps": 3}}, "'quick_steps' of at most 'steps', not 4"),
        ({"autoguidance": {"start": 0.8}}, "an 'autoguidance.start' of at most 0.75, where the"),
        (
            {"autoguidance": {}, "sampling": {"steps": 1, "quick_steps": 1}},
            "'sampling.steps' of at least 2 with 'autoguidance', not 1",
        ),
        ({"block": 3}, "'block' is 3"),
        ({"base_channels": 12}, "'base_channels' is 12: expected a multiple of 8"),
    ],
)
def test_refuses_what_does_not_fit(keys, words):
    with pytest.raises(ConfigError, match=words):
        parse(**keys)
