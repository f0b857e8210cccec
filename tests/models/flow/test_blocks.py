"""Attention answers and learns the same however it is computed."""

import pytest
import torch
from torch.nn import functional

from mrigen.models.flow.blocks import SelfAttention


def attention() -> SelfAttention:
    torch.manual_seed(0)
    layer = SelfAttention(96)
    torch.nn.init.normal_(layer.answers.weight, std=0.1)
    return layer


@pytest.mark.parametrize("side", [4, 8, 16, 20])
def test_learning_in_bfloat16_differs_by_its_rounding_alone(side):
    x = torch.randn(3, 96, side, side, generator=torch.Generator().manual_seed(side))
    gradients, answers = [], []
    for precise in (True, False):
        layer = attention()
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=not precise):
            answer = layer(x)
        answer.float().square().mean().backward()
        answers.append(answer.detach().float())
        gradients.append(layer.questions.weight.grad)
    torch.testing.assert_close(answers[1], answers[0], rtol=0.02, atol=0.02)
    exact, rounded = gradients
    assert (rounded - exact).norm() < 0.03 * exact.norm()


def test_fused_attention_is_left_where_it_is_fast(monkeypatch):
    places = []

    def fused(query, key, value):
        places.append(query.shape[-2])
        return original(query, key, value)

    original = functional.scaled_dot_product_attention
    monkeypatch.setattr(functional, "scaled_dot_product_attention", fused)
    layer = attention()
    few, many = torch.randn(1, 96, 8, 8), torch.randn(1, 96, 20, 20)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        layer(few)
        assert places == []
        layer(many)
        with torch.no_grad():
            layer(few)
    layer(few)
    assert places == [400, 64, 64]
