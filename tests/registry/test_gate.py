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
