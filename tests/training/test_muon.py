"""Steps of matrices are orthogonal, of Adam's size; everything else moves as Adam moves it."""

from collections.abc import Iterator
from copy import deepcopy

import pytest
import torch
from torch import nn

from mrigen.training.muon import CUBIC, LINEAR, QUINTIC, ROUNDS, Muon, orthogonalised

RATE = 1e-3
ADAM = {"betas": (0.9, 0.99), "eps": 1e-8, "weight_decay": 0.0}


def network() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(32, 32, 3), nn.GroupNorm(4, 32), nn.Conv2d(32, 8, 1))


def test_singular_values_come_near_one_and_vectors_stay():
    matrix = torch.randn(48, 300, generator=torch.Generator().manual_seed(1))
    left, _, right = torch.linalg.svd(matrix, full_matrices=False)
    answer = orthogonalised(matrix).float()
    values = torch.linalg.svdvals(answer)
    assert values.min() > 0.6
    assert values.max() < 1.3
    turned = left.T @ answer @ right.T
    assert (turned - turned.diag().diag()).abs().max() < 0.05
    torch.testing.assert_close(orthogonalised(matrix.T).float(), answer.T)


@pytest.mark.parametrize("shape", [(96, 900), (300, 48), (64, 64)])
@pytest.mark.parametrize("values", ["one", "three", "falling"])
def test_small_and_missing_directions_come_out_as_the_iteration_defines_them(shape, values):
    generator = torch.Generator().manual_seed(3)
    left, sizes, right = torch.linalg.svd(
        torch.randn(shape, generator=generator, dtype=torch.float64), full_matrices=False
    )
    sizes = torch.logspace(0, -4, len(sizes), dtype=torch.float64)
    if values != "falling":
        sizes[{"one": 1, "three": 3}[values] :] = 0
    answer = orthogonalised((left * sizes @ right).float())
    sizes = sizes / sizes.norm()
    for _ in range(ROUNDS):
        sizes = LINEAR * sizes + CUBIC * sizes**3 + QUINTIC * sizes**5
    expected = left * sizes @ right
    assert (answer - expected).norm() < 0.001 * expected.norm()


def test_no_gradient_is_no_step():
    assert orthogonalised(torch.zeros(40, 300)).tolist() == torch.zeros(40, 300).tolist()


@pytest.fixture
def short_products() -> Iterator[None]:
    before = torch.backends.cuda.matmul.fp32_precision
    torch.backends.cuda.matmul.fp32_precision = "tf32"
    yield
    torch.backends.cuda.matmul.fp32_precision = before


@pytest.mark.usefixtures("short_products")
def test_products_are_whole_during_a_step_and_as_before_behind_it(monkeypatch):
    seen = []

    def noted(matrix):
        seen.append(torch.backends.cuda.matmul.fp32_precision)
        return orthogonalised(matrix)

    monkeypatch.setattr("mrigen.training.muon.orthogonalised", noted)
    net = network()
    one_step(net, Muon(net.parameters(), RATE, **ADAM))
    assert seen == ["ieee"]
    assert torch.backends.cuda.matmul.fp32_precision == "tf32"


def one_step(net: nn.Module, optimizer: torch.optim.Optimizer) -> dict[str, torch.Tensor]:
    before = deepcopy(net.state_dict())
    optimizer.zero_grad()
    noise = torch.randn(4, 32, 8, 8, generator=torch.Generator().manual_seed(2))
    net(noise).square().mean().backward()
    optimizer.step()
    return {name: tensor - before[name] for name, tensor in net.state_dict().items()}


def test_a_kernel_moves_as_far_as_adam_moves_weights_and_the_others_as_adam():
    first, second = network(), network()
    muon = one_step(first, Muon(first.parameters(), RATE, **ADAM))
    adam = one_step(second, torch.optim.AdamW(second.parameters(), RATE, fused=True, **ADAM))
    size = muon["0.weight"].square().mean().sqrt() / RATE
    assert 0.1 < size < 0.3
    for name in ("0.bias", "1.weight", "1.bias", "2.weight", "2.bias"):
        assert torch.equal(muon[name], adam[name]), name


def test_weight_decay_shrinks_kernels_beside_the_step():
    first, second = network(), network()
    plain = one_step(first, Muon(first.parameters(), RATE, **ADAM))["0.weight"]
    shrunk = one_step(second, Muon(second.parameters(), RATE, **ADAM | {"weight_decay": 0.5}))
    torch.testing.assert_close(
        shrunk["0.weight"], plain - 0.5 * RATE * network()[0].weight, rtol=1e-4, atol=1e-7
    )


def test_its_state_goes_through_a_state_dict():
    first = network()
    optimizer = Muon(first.parameters(), RATE, **ADAM)
    one_step(first, optimizer)
    second = deepcopy(first)
    resumed = Muon(second.parameters(), RATE, **ADAM)
    resumed.load_state_dict(deepcopy(optimizer.state_dict()))
    one_step(first, optimizer)
    one_step(second, resumed)
    for one, other in zip(first.parameters(), second.parameters(), strict=True):
        assert torch.equal(one, other)
