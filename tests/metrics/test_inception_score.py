import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mrigen.errors import DataError
from mrigen.metrics.inception_score import inception_score


def by_hand(logits):
    """Return the paper's definition, in plain sums."""
    answers = [[math.exp(value) for value in row] for row in logits.tolist()]
    answers = [[value / sum(row) for value in row] for row in answers]
    marginal = [sum(column) / len(answers) for column in zip(*answers, strict=True)]
    divergences = [
        sum(p * math.log(p / q) for p, q in zip(row, marginal, strict=True)) for row in answers
    ]
    return math.exp(sum(divergences) / len(divergences))


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 2**31), st.integers(1, 9), st.integers(1, 7))
def test_it_is_the_papers_definition(seed, count, classes):
    logits = 3 * torch.randn(count, classes, generator=torch.Generator().manual_seed(seed))
    assert inception_score(logits) == pytest.approx(by_hand(logits), rel=1e-9)


def test_sure_and_varied_answers_score_their_number():
    assert inception_score(200 * torch.eye(7)) == pytest.approx(7)


def test_equal_answers_score_one():
    assert inception_score(torch.randn(1, 9).expand(5, 9)) == pytest.approx(1, abs=1e-12)
    assert inception_score(torch.zeros(5, 9)) >= 1


def test_a_certain_class_far_away_is_no_infinity():
    logits = torch.tensor([[0.0, 5000.0], [5000.0, 0.0]])
    assert inception_score(logits) == pytest.approx(2)


def test_no_images_have_no_score():
    with pytest.raises(DataError, match="at least 1 samples"):
        inception_score(torch.zeros(0, 1008))
    with pytest.raises(DataError, match="logits hold values that are not finite"):
        inception_score(torch.full((2, 3), math.inf))
