"""Vectors turned into codes and back."""

import math

import numpy as np
import pytest
import torch

from mrigen.models.quantiser import (
    AveragedCodebook,
    FiniteScalar,
    LearnedCodebook,
    Quantiser,
    nearest_codes,
)


def encoded(seed: int = 0, channels: int = 3, scale: float = 1.0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return scale * torch.randn(4, channels, 5, 6, generator=generator)


def made(kind: str) -> Quantiser:
    torch.manual_seed(0)
    if kind == "finite_scalar":
        return FiniteScalar([5, 4, 3])
    codebook = {"gradient": LearnedCodebook, "ema": AveragedCodebook}[kind](7, 3)
    with torch.no_grad():
        codebook.vectors.copy_(torch.randn(7, 3))
    return codebook.eval()


KINDS = ["gradient", "ema", "finite_scalar"]


def test_the_nearest_code_is_the_one_at_the_least_distance():
    points, centres = encoded().numpy(), np.random.default_rng(0).normal(size=(9, 3))
    distances = np.linalg.norm(points[..., None] - centres.T[None, :, None, None, :], axis=1)
    codes = nearest_codes(encoded(), torch.from_numpy(centres).float())
    assert np.array_equal(codes.numpy(), distances.argmin(-1))


def test_distances_are_exact_under_bfloat16():
    centres = 100 + torch.arange(50.0)[:, None] / 20
    points = centres.T[None, :, :, None].contiguous()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        codes = nearest_codes(points, centres)
    assert codes.flatten().tolist() == list(range(50))


@pytest.mark.parametrize("kind", KINDS)
def test_the_vectors_of_the_codes_are_what_the_decoder_is_given(kind):
    quantiser = made(kind)
    quantised = quantiser(encoded())
    assert quantised.codes.shape == (4, 5, 6)
    assert quantised.codes.dtype == torch.int64
    torch.testing.assert_close(quantiser.look_up(quantised.codes), quantised.nearest)
    torch.testing.assert_close(quantised.straight, quantised.nearest)


@pytest.mark.parametrize("kind", ["gradient", "ema"])
def test_gradient_passes_straight_to_the_encoder_and_not_to_the_codes(kind):
    quantiser = made(kind)
    vectors = encoded().requires_grad_()
    weight = encoded(seed=1)
    (quantiser(vectors).straight * weight).sum().backward()
    torch.testing.assert_close(vectors.grad, weight)
    assert quantiser.vectors.grad is None


def test_the_learned_codebook_has_the_gradient_of_its_distances():
    quantiser = made("gradient")
    quantised = quantiser(encoded())
    (quantised.nearest - quantised.encoded).square().sum().backward()
    points, codes = encoded().movedim(1, -1), quantised.codes
    for code, gradient in enumerate(quantiser.vectors.grad):
        own = points[codes == code]
        torch.testing.assert_close(
            gradient, 2 * (quantiser.vectors[code].detach() - own).sum(0), atol=1e-4, rtol=1e-4
        )


def test_averages_follow_the_published_rule():
    quantiser = AveragedCodebook(6, 3, decay=0.9).train()
    sizes, sums = np.ones(6), quantiser.vectors.numpy().astype(np.float64)
    vectors = sums.copy()
    for seed in range(5):
        batch = encoded(seed, scale=0.1)
        quantiser(batch)
        points = batch.movedim(1, -1).reshape(-1, 3).numpy().astype(np.float64)
        codes = ((points[:, None] - vectors) ** 2).sum(-1).argmin(1)
        members = np.eye(6)[codes]
        sizes = 0.9 * sizes + 0.1 * members.sum(0)
        sums = 0.9 * sums + 0.1 * members.T @ points
        total = sizes.sum()
        vectors = sums / ((sizes + 1e-5) / (total + 6e-5) * total)[:, None]
        np.testing.assert_allclose(quantiser.vectors.numpy(), vectors, rtol=1e-4, atol=1e-6)


def test_averages_stand_still_in_evaluation():
    quantiser = made("ema")
    before = {name: value.clone() for name, value in quantiser.state_dict().items()}
    quantiser(encoded())
    assert all(torch.equal(before[name], v) for name, v in quantiser.state_dict().items())


def test_a_code_that_is_never_used_keeps_its_vector():
    quantiser = AveragedCodebook(2, 1).train()
    quantiser.replace(torch.tensor([True, True]), torch.tensor([[0.0], [50.0]]))
    for seed in range(300):
        quantiser(encoded(seed, channels=1))
    assert quantiser.vectors[1].item() == pytest.approx(50, rel=1e-2)


@pytest.mark.parametrize("kind", ["gradient", "ema"])
def test_only_the_chosen_codes_are_replaced(kind):
    quantiser = made(kind)
    before = quantiser.vectors.detach().clone()
    chosen = torch.tensor([True, False, True, False, False, False, False])
    quantiser.replace(chosen, torch.full((7, 3), 9.0))
    assert (quantiser.vectors[chosen] == 9).all()
    assert torch.equal(quantiser.vectors[~chosen], before[~chosen])


def test_a_replaced_average_goes_on_from_its_new_vector():
    quantiser = made("ema").train()
    quantiser.replace(torch.ones(7, dtype=torch.bool), torch.arange(21.0).view(7, 3))
    quantiser(torch.full((1, 3, 1, 1), -5.0))
    torch.testing.assert_close(
        quantiser.vectors[1:], torch.arange(3.0, 21).view(6, 3), rtol=1e-3, atol=0
    )


LEVELS = [[3], [5, 4, 3], [8, 5, 5, 5], [7, 6], [64]]


@pytest.mark.parametrize("levels", LEVELS)
def test_every_code_has_its_own_vector_and_comes_back(levels):
    quantiser, count = FiniteScalar(levels), math.prod(levels)
    vectors = quantiser.look_up(torch.arange(count).view(1, 1, count))
    assert vectors.shape == (1, len(levels), 1, count)
    assert len(torch.unique(vectors[0, :, 0].T, dim=0)) == count
    assert vectors.min() == -1
    assert vectors.max() <= 1
    # The numbers that lie exactly on the levels.
    reach = torch.tensor([(level - 1) * 1.001 / 2 for level in levels]).view(-1, 1, 1)
    offset = torch.tensor([0.5 * (level % 2 == 0) for level in levels]).view(-1, 1, 1)
    half = torch.tensor([level // 2 for level in levels]).view(-1, 1, 1)
    numbers = torch.atanh((vectors * half + offset) / reach) - torch.atanh(offset / reach)
    quantised = quantiser(numbers)
    assert torch.equal(quantised.codes.flatten(), torch.arange(count))
    assert torch.equal(quantised.nearest, vectors)


@pytest.mark.parametrize("levels", LEVELS)
def test_channels_have_as_many_levels_as_asked_for_and_zero_is_one(levels):
    numbers = torch.linspace(-30, 30, 60_001).view(1, 1, 1, -1).expand(1, len(levels), 1, -1)
    quantised = FiniteScalar(levels)(numbers)
    assert [len(channel.unique()) for channel in quantised.nearest[0]] == levels
    assert quantised.codes.min() == 0
    assert quantised.codes.max() == math.prod(levels) - 1
    assert not FiniteScalar(levels)(torch.zeros(1, len(levels), 1, 1)).nearest.any()


def test_rounding_hands_on_the_slope_of_what_is_rounded():
    numbers = encoded().requires_grad_()
    FiniteScalar([5, 4, 3])(numbers).straight[:, 0].sum().backward()
    reach = 4 * 1.001 / 2
    expected = reach * (1 - torch.tanh(numbers[:, 0].detach()).square()) / 2
    torch.testing.assert_close(numbers.grad[:, 0], expected)
    assert not numbers.grad[:, 1:].any()
