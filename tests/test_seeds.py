import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mrigen.seeds import rng, seeded_noise, torch_seed

KEYS = st.lists(st.one_of(st.integers(), st.text(max_size=8)), max_size=4)


@given(first=KEYS, second=KEYS)
def test_streams_are_equal_only_for_equal_keys(first, second):
    same = rng(*first).integers(2**63) == rng(*second).integers(2**63)
    assert same == (first == second)


def test_stream_is_the_same_on_every_machine():
    assert int(rng(0, "train", 3).integers(1000)) == 671
    assert torch_seed(0, "initialise") == 1260036682


@given(st.lists(st.integers(0, 2**63 - 1), min_size=1, max_size=6))
def test_a_row_of_noise_depends_on_its_seed_alone(seeds):
    together = seeded_noise(seeds, (3, 2))
    for row, seed in zip(together, seeds, strict=True):
        assert torch.equal(row, seeded_noise([seed], (3, 2))[0])


@pytest.mark.parametrize("seed", [2**32 + 1, 2**62 + 1])
def test_every_bit_of_a_seed_counts(seed):
    assert not torch.equal(seeded_noise([1], (4,)), seeded_noise([seed], (4,)))


def test_noise_is_standard_normal():
    noise = seeded_noise(range(200), (100,))
    assert noise.mean() == pytest.approx(0, abs=0.02)
    assert noise.std() == pytest.approx(1, abs=0.02)
