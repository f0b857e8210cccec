"""Every game against its formula, written with other functions, and at its optimum."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional

from mrigen.objectives.adversarial_losses import ADVERSARIAL_LOSSES

ENTROPY = functional.binary_cross_entropy
LOGITS = st.lists(st.floats(-1e4, 1e4, width=32), min_size=1, max_size=5)


def logits() -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    return 3 * torch.randn(9, generator=generator), 3 * torch.randn(9, generator=generator)


def expected(
    name: str, real: torch.Tensor, fake: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    ones, zeros = torch.ones_like(real), torch.zeros_like(fake)
    sure = torch.sigmoid
    match name:
        case "saturating_double_sigmoid":
            twice = [sure(sure(real)), sure(sure(fake))]
            return ENTROPY(twice[0], ones) + ENTROPY(twice[1], zeros), ENTROPY(twice[1], ones)
        case "non_saturating":
            game = ENTROPY(sure(real), ones) + ENTROPY(sure(fake), zeros)
            return game, ENTROPY(sure(fake), ones)
        case "hinge":
            game = (1 - real).clamp(min=0).mean() + (1 + fake).clamp(min=0).mean()
            return game, -fake.mean()
        case "wasserstein":
            return -(real.mean() - fake.mean()), -fake.mean()
        case "relativistic":
            return ENTROPY(sure(real - fake), ones), ENTROPY(sure(fake - real), ones)
    raise AssertionError(name)


@pytest.mark.parametrize("name", ADVERSARIAL_LOSSES)
def test_losses_are_those_of_the_papers(name):
    game, (real, fake) = ADVERSARIAL_LOSSES[name], logits()
    discriminator, generator = expected(name, real, fake)
    torch.testing.assert_close(game.discriminator(real, fake), discriminator)
    shown = real if game.compares else None
    torch.testing.assert_close(game.generator(fake, shown), generator)


@pytest.mark.parametrize("name", ADVERSARIAL_LOSSES)
def test_each_player_gains_by_what_it_is_there_for(name):
    game, (real, fake) = ADVERSARIAL_LOSSES[name], logits()
    assert game.discriminator(real + 0.1, fake) < game.discriminator(real, fake)
    assert game.discriminator(real, fake - 0.1) < game.discriminator(real, fake)
    assert game.generator(fake + 0.1, real) < game.generator(fake, real)


@pytest.mark.parametrize("name", ADVERSARIAL_LOSSES)
@pytest.mark.parametrize("size", [-1e4, 1e4])
def test_extreme_logits_give_finite_losses_and_gradients(name, size):
    game = ADVERSARIAL_LOSSES[name]
    real = torch.full((2,), size, requires_grad=True)
    fake = torch.full((2,), -size, requires_grad=True)
    for loss in (game.discriminator(real, fake), game.generator(fake, real)):
        assert torch.isfinite(loss)
        slopes = torch.autograd.grad(loss, (real, fake), allow_unused=True)
        assert all(slope is None or torch.isfinite(slope).all() for slope in slopes)


@given(LOGITS, LOGITS)
def test_a_double_sigmoid_never_leaves_its_bounds(real, fake):
    game = ADVERSARIAL_LOSSES["saturating_double_sigmoid"]
    least, most = math.log1p(math.exp(-1)), math.log(2)
    assert least == pytest.approx(0.3133, abs=1e-4)
    assert least + most == pytest.approx(1.0064, abs=1e-4)
    discriminator = float(game.discriminator(torch.tensor(real), torch.tensor(fake)))
    generator = float(game.generator(torch.tensor(fake), None))
    assert discriminator >= least + most - 1e-6
    assert least - 1e-6 <= generator <= most + 1e-6


def test_a_double_sigmoid_reaches_its_bounds():
    game, sure = ADVERSARIAL_LOSSES["saturating_double_sigmoid"], torch.full((3,), 100.0)
    assert float(game.discriminator(sure, -sure)) == pytest.approx(1.0064, abs=1e-4)
    assert float(game.generator(-sure, None)) == pytest.approx(math.log(2))
    assert float(game.generator(sure, None)) == pytest.approx(0.3133, abs=1e-4)


def test_a_double_sigmoid_starves_the_generator_where_it_has_most_to_learn():
    shares = []
    for logit in torch.linspace(-12, 12, 49, dtype=torch.float64):
        fake = logit[None].requires_grad_()
        slopes = [
            torch.autograd.grad(ADVERSARIAL_LOSSES[name].generator(fake, None), fake)[0].item()
            for name in ("saturating_double_sigmoid", "non_saturating")
        ]
        shares.append(slopes[0] / slopes[1])
    assert max(shares) < 0.27
    assert shares[0] < 1e-4  # the discriminator is sure that the image is generated


def test_the_best_discriminator_answers_the_ratio_of_densities():
    # Of two kinds of image, real ones are A three times in four, generated ones B.
    best = math.log(3) * torch.tensor([1.0, -1.0])
    best.requires_grad_()
    real, fake = best[[0, 0, 0, 1]], best[[0, 1, 1, 1]]
    loss = ADVERSARIAL_LOSSES["non_saturating"].discriminator(real, fake)
    torch.testing.assert_close(torch.autograd.grad(loss, best)[0], torch.zeros(2))
    halves = torch.tensor([[0.75, 0.25], [0.25, 0.75]])
    divergence = (halves * (halves / 0.5).log()).sum(1).mean()  # Jensen-Shannon's
    torch.testing.assert_close(loss.detach(), 2 * (math.log(2) - divergence))


def test_hinge_asks_no_more_than_a_margin():
    real = torch.tensor([1.5, 0.5], requires_grad=True)
    fake = torch.tensor([-1.5, 0.5], requires_grad=True)
    loss = ADVERSARIAL_LOSSES["hinge"].discriminator(real, fake)
    slopes = torch.autograd.grad(loss, (real, fake))
    torch.testing.assert_close(slopes[0], torch.tensor([0.0, -0.5]))
    torch.testing.assert_close(slopes[1], torch.tensor([0.0, 0.5]))


@pytest.mark.parametrize("name", ["wasserstein", "relativistic"])
def test_comparing_games_do_not_see_what_all_logits_share(name):
    game, (real, fake) = ADVERSARIAL_LOSSES[name], logits()
    torch.testing.assert_close(
        game.discriminator(real + 7, fake + 7), game.discriminator(real, fake)
    )


def test_relativistic_pairs_are_neighbours_in_the_batch():
    game, (real, fake) = ADVERSARIAL_LOSSES["relativistic"], logits()
    order = torch.arange(9).roll(1)
    torch.testing.assert_close(
        game.discriminator(real[order], fake[order]), game.discriminator(real, fake)
    )
    assert not torch.isclose(game.discriminator(real, fake[order]), game.discriminator(real, fake))
