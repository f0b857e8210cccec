import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from mrigen.registry.gate import Bound, GateConfig

finite = st.floats(allow_nan=False, allow_infinity=False)


def gate(**bounds):
    return GateConfig.model_validate(bounds)


def test_an_empty_gate_lets_everything_pass():
    assert gate().refusals({}) == []


@given(value=finite, limit=finite)
def test_a_bound_is_an_inclusive_range(value, limit):
    assert (gate(m={"max": limit}).refusals({"m": value}) == []) == (value <= limit)
    assert (gate(m={"min": limit}).refusals({"m": value}) == []) == (value >= limit)


def test_every_bound_that_is_not_met_is_told():
    refusals = gate(a={"max": 1}, b={"min": 2, "max": 3}, c={"min": 0}).refusals(
        {"a": 1.5, "b": 3.5, "c": 0}
    )
    assert refusals == [
        "'a' is 1.5: the gate asks for at most 1",
        "'b' is 3.5: the gate asks for at least 2 and at most 3",
    ]


def test_a_metric_that_was_not_measured_fails():
    assert gate(frechet={"max": 1}).refusals({"b": 1, "a": 1}) == [
        "'frechet' was not measured: the evaluation has 'a', 'b'"
    ]


def test_of_many_metrics_the_most_alike_are_told():
    metrics = {f"m{number}": 1.0 for number in range(30)} | {"frechet_ratio": 2.0}
    (refusal,) = gate(frechet_ration={"max": 1}).refusals(metrics)
    assert "'frechet_ratio'" in refusal
    assert refusal.endswith(" and 23 more")


def test_a_model_that_copies_is_refused_in_words():
    (refusal,) = gate(copied_share={"max": 0.1}).refusals({"copied_share": 0.97})
    assert refusal == (
        "'copied_share' is 0.97: the gate asks for at most 0.1, as the model copies slices of its "
        "training subjects; look at 'figures/copying_pairs.png' of its evaluation"
    )


def test_a_gate_that_does_not_speak_of_copying_refuses_copies_all_the_same():
    (refusal,) = gate(ratio={"max": 3}).refusals({"ratio": 1, "copied_share": 0.5})
    assert "copies slices of its training subjects" in refusal
    assert gate().refusals({"copied_share": 0.2}) == []


def test_few_copies_are_too_many_where_chance_makes_hardly_any():
    copying = {"copied_share": 0.199, "copied_share_excess": 0.143}
    for demanded in ({}, {"copied_share": {"max": 0.2}}):
        (refusal,) = gate(**demanded).refusals(copying)
        assert refusal.startswith("'copied_share_excess' is 0.143: the gate asks for at most 0.05")
        assert "copies slices of its training subjects" in refusal
    assert gate().refusals({"copied_share": 0.033, "copied_share_excess": 0.005}) == []
    assert gate(copied_share_excess={"max": 0.2}).refusals(copying) == []


@pytest.mark.parametrize("name", ["quick_copied_share", "stack_copied_share"])
def test_what_is_drawn_otherwise_keeps_to_the_same_bound(name):
    copying = {"copied_share": 0.1, name: 0.3}
    for demanded in ({}, {"copied_share": {"max": 0.25}}):
        (refusal,) = gate(**demanded).refusals(copying)
        bound = demanded.get("copied_share", {"max": 0.2})["max"]
        assert refusal.startswith(f"'{name}' is 0.3: the gate asks for at most {bound:g}, as the")
    for demanded in ({"copied_share": {"max": 0.4}}, {name: {"max": 0.4}}, {"copied_share": None}):
        assert gate(**demanded).refusals(copying) == []


def test_the_gate_of_copying_can_be_moved_and_waived():
    copying = {"copied_share": 0.9, "copied_share_excess": 0.9}
    assert len(gate(copied_share={"max": 0.95}).refusals(copying)) == 1
    assert gate(copied_share=None).refusals(copying) == []
    copying = {"copied_share": 0.9}
    assert gate(copied_share={"max": 0.95}).refusals(copying) == []
    assert gate(copied_share=None).refusals(copying) == []
    assert gate(copied_share=None).refusals({}) == []


def test_copying_that_was_asked_for_and_not_measured_fails():
    (refusal,) = gate(copied_share={"max": 1}).refusals({"frechet_ratio": 1})
    assert "may be copying" in refusal


def test_nothing_but_copying_is_waived():
    with pytest.raises(ValidationError, match="only 'copied_share' may be null"):
        gate(frechet_ratio=None)


@pytest.mark.parametrize("bound", [{"max": 1}, {"min": 1}])
def test_not_a_number_fails(bound):
    assert len(gate(m=bound).refusals({"m": math.nan})) == 1


@pytest.mark.parametrize("bound", [{}, {"maximum": 3}, {"max": math.nan}, {"max": "low"}, 3])
def test_a_bound_that_says_nothing_is_refused(bound):
    with pytest.raises(ValidationError):
        gate(m=bound)


def test_a_gate_cannot_be_changed():
    with pytest.raises(ValidationError):
        gate().root = {"m": Bound(max=1)}
