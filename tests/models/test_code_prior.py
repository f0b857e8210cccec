"""A prior over codes: what it may look at, and what it draws."""

import itertools

import pytest
import torch
from scipy import stats

from mrigen.errors import ModelError
from mrigen.models.code_prior import MAX_PLACES, CodePrior, CodePriorConfig, inverse_categorical
from mrigen.seeds import seeded_noise

CODES, LENGTH = 5, 9


def prior(
    codes: int = CODES, length: int = LENGTH, *, strength: float = 20.0, dropout: float = 0.1
) -> CodePrior:
    """A fresh prior says nearly nothing; a strong one has opinions that tests can see."""
    torch.manual_seed(0)
    config = CodePriorConfig(width=16, layers=2, heads=4, dropout=dropout)
    network = CodePrior(config, num_codes=codes, length=length)
    with torch.no_grad():
        for value in network.parameters():
            if value.dim() > 1:
                value.mul_(strength)
    return network.eval()


def some_codes(count: int = 3) -> torch.Tensor:
    return torch.randint(CODES, (count, LENGTH), generator=torch.Generator().manual_seed(1))


def test_refuses_grids_that_nobody_could_wait_for():
    with torch.device("meta"):
        assert prior(length=MAX_PLACES).length == 4096
        with pytest.raises(
            ModelError, match=r"grids of 4,097 codes.* at most 4,096\. Raise 'depth'"
        ):
            prior(length=MAX_PLACES + 1)


def test_a_code_changes_the_logits_of_later_places_and_of_no_others():
    network, codes = prior(), some_codes()
    before = network(codes)
    for place in range(LENGTH):
        other = codes.clone()
        other[:, place] = (other[:, place] + 1) % CODES
        changed = (network(other) - before).abs().amax(dim=(0, 2))
        assert not changed[: place + 1].any()
        assert (changed[place + 1 :] > 1e-3).all()


def test_places_are_told_apart():
    codes = torch.zeros(1, LENGTH, dtype=torch.long)
    logits = prior()(codes)[0, 1:]
    assert all(not torch.allclose(a, b) for a, b in itertools.combinations(logits, 2))


def test_drawing_step_by_step_agrees_with_the_whole_sequence():
    network, noise = prior(), torch.randn(6, LENGTH, generator=torch.Generator().manual_seed(2))
    codes = network.draw(noise)
    uniform = torch.special.ndtr(noise.double())
    logits = network(codes)
    expected = [inverse_categorical(logits[:, p], uniform[:, p]) for p in range(LENGTH)]
    assert torch.equal(codes, torch.stack(expected, 1))
    assert len(codes.unique(dim=0)) > 1


def test_draws_have_the_distribution_the_prior_tells():
    network, count = prior(3, 2, strength=8.0), 20_000
    every = torch.tensor(list(itertools.product(range(3), repeat=2)))
    with torch.inference_mode():
        chances = torch.log_softmax(network(every).double(), -1)
        joint = chances.gather(2, every[..., None]).sum((1, 2)).exp()
        drawn = network.draw(seeded_noise(range(count), (2,)))
    assert joint.sum().item() == pytest.approx(1)
    assert joint.max() > 2 * joint.min()
    seen = torch.bincount(drawn[:, 0] * 3 + drawn[:, 1], minlength=9)
    assert stats.chisquare(seen.numpy(), count * joint.numpy()).pvalue > 0.001


def test_likelihood_is_the_mean_over_places():
    network, codes = prior(), some_codes()
    chances = torch.softmax(network(codes), -1)
    picked = [chances[n, p, codes[n, p]] for n in range(len(codes)) for p in range(LENGTH)]
    expected = -torch.stack(picked).log().mean()
    torch.testing.assert_close(network.nats_per_code(codes), expected)


def test_numbers_far_out_give_codes_too():
    noise = torch.tensor([-40.0, 40.0, -7.0, 7.0])[:, None].expand(4, LENGTH)
    codes = prior().draw(noise)
    assert codes.min() >= 0
    assert codes.max() < CODES


def test_a_code_without_probability_is_never_drawn():
    logits = torch.tensor([[-torch.inf, 0.0, -torch.inf]]).expand(5, 3)
    uniform = torch.tensor([0.0, 1e-300, 0.5, 1 - 1e-16, 1.0], dtype=torch.float64)
    assert inverse_categorical(logits, uniform).tolist() == [1] * 5


def test_forgets_in_training_alone():
    network, codes = prior(), some_codes()
    assert torch.equal(network(codes), network(codes))
    network.train()
    assert not torch.allclose(network(codes), network(codes))


def test_learns_which_sequences_there_are():
    network, codes = prior(strength=1.0, dropout=0.0).train(), some_codes(4)
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-2)
    for _ in range(150):
        optimizer.zero_grad()
        network.nats_per_code(codes).backward()
        optimizer.step()
    drawn = network.eval().draw(seeded_noise(range(64), (LENGTH,)))
    known = (drawn[:, None] == codes).all(-1).any(1)
    assert known.float().mean() > 0.9
    assert len(drawn.unique(dim=0)) >= 4
