import numpy as np
import pytest
import torch

from mrigen.errors import DataError
from mrigen.metrics.roughness import HEAD, roughness


def noisy(std, seed=0):
    stream = np.random.default_rng(seed)
    return torch.from_numpy(0.5 + stream.normal(0, std, (20, 1, 24, 24))).float()


def test_slices_that_are_all_the_same_are_not_rough():
    assert roughness(noisy(0.1)[:1].repeat(5, 1, 1, 1)) == (0, 0)


def test_an_even_change_has_a_first_difference_and_no_second():
    ramp = torch.linspace(0.2, 0.8, 7).view(7, 1, 1, 1).expand(7, 1, 4, 4)
    assert roughness(ramp) == pytest.approx((0.1, 0), abs=1e-6)


def test_noise_has_the_differences_that_theory_expects():
    # Of normal numbers, the mean absolute value is std * sqrt(2 / pi).
    first, second = roughness(noisy(0.05))
    assert first == pytest.approx(0.05 * 2**0.5 * (2 / np.pi) ** 0.5, rel=0.03)
    assert second == pytest.approx(0.05 * 6**0.5 * (2 / np.pi) ** 0.5, rel=0.03)


def test_the_background_does_not_count():
    stack = noisy(0.05)
    padded = torch.nn.functional.pad(stack, (8, 8, 8, 8), value=HEAD / 2)
    assert roughness(padded) == pytest.approx(roughness(stack))


def test_a_stack_and_its_reverse_are_equally_rough():
    stack = noisy(0.1)
    assert roughness(stack.flip(0)) == pytest.approx(roughness(stack))


@pytest.mark.parametrize("shape", [(2, 1, 4, 4), (4, 4, 4)], ids=str)
def test_too_few_slices_are_refused(shape):
    with pytest.raises(DataError, match=r"expected .* at least 3 slices"):
        roughness(torch.ones(shape))


def test_a_stack_without_a_head_is_refused():
    with pytest.raises(DataError, match="expected slices of a head"):
        roughness(torch.full((4, 1, 8, 8), HEAD / 2))
