import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mrigen.errors import DataError
from mrigen.metrics.manifold import Prdc, covered, inside, prdc


def draw(count, features=3, *, seed=0, shift=0.0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(count, features, generator=generator, dtype=torch.float64) + shift


def brute_force(real, generated, neighbours):
    """The definitions of the papers, one pair after the other."""

    def distance(a, b):
        return sum((x - y) ** 2 for x, y in zip(a, b, strict=True)) ** 0.5

    def radius(samples, own):
        others = [distance(own, s) for place, s in enumerate(samples) if samples[place] is not own]
        return sorted(others)[neighbours - 1]

    real, generated = list(map(tuple, real.tolist())), list(map(tuple, generated.tolist()))
    of_real = [radius(real, r) for r in real]
    of_generated = [radius(generated, g) for g in generated]
    real_balls = list(zip(real, of_real, strict=True))
    generated_balls = list(zip(generated, of_generated, strict=True))
    balls = [sum(distance(g, r) <= s for r, s in real_balls) for g in generated]
    reached = [any(distance(r, g) <= s for g, s in generated_balls) for r in real]
    held = [any(distance(r, g) <= s for g in generated) for r, s in real_balls]
    return Prdc(
        sum(count > 0 for count in balls) / len(generated),
        sum(reached) / len(real),
        sum(balls) / (neighbours * len(generated)),
        sum(held) / len(real),
    )


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 2**31), st.integers(5, 14), st.integers(5, 14), st.integers(1, 4))
def test_it_is_what_the_papers_define(seed, count, other, neighbours):
    real, generated = draw(count, seed=seed), draw(other, seed=seed + 1, shift=0.7)
    expected = brute_force(real, generated, neighbours)
    assert prdc(real, generated, neighbours=neighbours) == pytest.approx(expected, abs=1e-12)
    within = inside(real, generated, neighbours=neighbours)
    held = covered(real, generated, neighbours=neighbours)
    assert within.shape == (other,)
    assert held.shape == (count,)
    assert float(within.double().mean()) == pytest.approx(expected.precision)
    assert float(held.double().mean()) == pytest.approx(expected.coverage)


def test_a_line_of_samples_can_be_counted_by_hand():
    real = torch.tensor([[0.0], [1.0], [2.0], [3.0]])
    generated = torch.tensor([[0.5], [1.5], [10.0], [11.0]])
    # Real balls reach 1. Generated ones reach 1, 1, 1, 1: 3 is out of all of them.
    # 0.5 lies in the balls of 0 and 1, 1.5 in those of 1 and 2, the others in none.
    result = prdc(real, generated, neighbours=1)
    assert result == Prdc(precision=0.5, recall=0.75, density=1.0, coverage=0.75)
    assert inside(real, generated, neighbours=1).tolist() == [True, True, False, False]
    assert covered(real, generated, neighbours=1).tolist() == [True, True, True, False]


def test_the_border_of_a_ball_belongs_to_it():
    # Thirds have no exact float64: the same pair must have the same distance on both sides.
    real = torch.tensor([[0.0, 0.1], [1 / 3, 0.7], [5.0, 1 / 7]])
    assert prdc(real, real, neighbours=1) == prdc(real, real.flip(0), neighbours=1)
    assert prdc(real, real, neighbours=1)[:2] == (1.0, 1.0)
    assert bool(covered(real[[0, 0, 2, 2]], real[[0, 2]], neighbours=1).all())


def test_lost_modes_lower_recall_and_coverage_but_not_precision():
    real = torch.cat([draw(40, seed=1), draw(40, seed=2, shift=30.0)])
    both = torch.cat([draw(40, seed=3), draw(40, seed=4, shift=30.0)])
    one = draw(80, seed=5)
    whole, lost = prdc(real, both, neighbours=5), prdc(real, one, neighbours=5)
    assert whole.recall > 0.8
    assert whole.coverage > 0.8
    assert lost.recall <= 0.5
    assert lost.coverage <= 0.5
    assert lost.precision > 0.8


def test_noise_lowers_precision_and_density():
    real = draw(100, seed=1)
    levels = [prdc(real, draw(100, seed=2) * spread, neighbours=5) for spread in (1, 3, 10)]
    assert [level.precision for level in levels] == sorted(
        (x.precision for x in levels), reverse=True
    )
    assert levels[0].density > levels[1].density > levels[2].density
    assert 0.8 < levels[0].density < 1.2


def test_one_far_real_sample_raises_precision_and_not_density():
    real = torch.cat([draw(60, seed=1), torch.full((1, 3), 40.0).double()])
    generated = draw(60, seed=2, shift=12.0)
    result = prdc(real, generated, neighbours=3)
    assert result.precision == 1.0
    assert result.density < 0.5


@pytest.mark.parametrize(("real", "generated", "kind"), [(5, 9, "real"), (9, 5, "generated")])
def test_too_few_samples_are_refused_with_a_sentence(real, generated, kind):
    with pytest.raises(DataError, match=f"5 {kind} samples have no 5-th nearest .* at least 6"):
        prdc(draw(real), draw(generated), neighbours=5)


def test_a_single_generated_sample_can_be_placed():
    assert inside(draw(9), draw(1), neighbours=5).shape == (1,)
    assert covered(draw(9), draw(1), neighbours=5).shape == (9,)


def test_features_that_do_not_fit_are_refused():
    with pytest.raises(DataError, match="use one feature extractor"):
        prdc(draw(9), draw(9, 4), neighbours=2)
    with pytest.raises(DataError, match=r"features of real images .* not finite"):
        inside(draw(9) / 0, draw(9), neighbours=2)
