"""Penalties against slopes that are known, or taken image by image."""

import pytest
import torch
from torch import nn

from mrigen.objectives.slope_penalties import gradient_penalty, zero_centred_penalty


class Linear(nn.Module):
    """A critic whose slope is its weight everywhere."""

    def __init__(self, norm: float) -> None:
        super().__init__()
        weight = torch.randn(1, 6, 6, generator=torch.Generator().manual_seed(0))
        self.weight = nn.Parameter(norm * weight / weight.norm() if norm else weight * 0)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        self.seen = images
        return (images * self.weight).sum((1, 2, 3)) + 3


def curved() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(1, 4, 3), nn.Tanh(), nn.Flatten(), nn.Linear(64, 1), nn.Flatten(0)
    )


def images(count: int = 5) -> torch.Tensor:
    return torch.rand(count, 1, 6, 6, generator=torch.Generator().manual_seed(count))


def test_zero_centred_penalty_is_the_mean_of_each_images_own():
    critic, shown = curved(), images().requires_grad_()
    penalty = zero_centred_penalty(critic(shown), shown)
    slopes = torch.func.vmap(torch.func.grad(lambda one: critic(one[None])[0]))(shown.detach())
    torch.testing.assert_close(penalty, slopes.square().sum((1, 2, 3)).mean())


def test_penalties_teach_the_weights():
    # Of half the squared norm of a linear critic the gradient is the weight itself.
    critic, shown = Linear(2.0), images().requires_grad_()
    penalty = zero_centred_penalty(critic(shown), shown) / 2
    torch.testing.assert_close(penalty.detach(), torch.tensor(2.0))
    (gradient,) = torch.autograd.grad(penalty, critic.weight)
    torch.testing.assert_close(gradient, critic.weight.detach())


@pytest.mark.parametrize("norm", [0.5, 1.0, 3.0])
def test_gradient_penalty_of_a_linear_critic_is_known(norm):
    critic = Linear(norm)
    penalty = gradient_penalty(critic, images(), 1 - images())
    torch.testing.assert_close(penalty.detach(), torch.tensor((norm - 1) ** 2))
    (gradient,) = torch.autograd.grad(penalty, critic.weight)
    weight = critic.weight.detach()
    torch.testing.assert_close(gradient, 2 * (norm - 1) * weight / norm, atol=1e-5, rtol=1e-4)


def test_gradient_penalty_looks_between_the_images():
    critic, real, fake = Linear(1.0), images(200), 2 + images(200)
    gradient_penalty(critic, real, fake)
    shares = (critic.seen.detach() - real) / (fake - real)
    torch.testing.assert_close(shares, shares[:, :, :1, :1].expand_as(shares), atol=1e-5, rtol=0)
    shares = shares[:, 0, 0, 0]
    assert shares.min() >= 0
    assert shares.max() <= 1
    assert shares.mean() == pytest.approx(0.5, abs=0.1)
    assert shares.std() == pytest.approx(12**-0.5, abs=0.05)


def test_a_flat_critic_has_a_finite_gradient():
    critic = Linear(0.0)
    penalty = gradient_penalty(critic, images(), 1 - images())
    assert penalty.item() == 1
    (gradient,) = torch.autograd.grad(penalty, critic.weight)
    assert torch.isfinite(gradient).all()


def test_gradient_penalty_leaves_the_generator_alone():
    fake = images().requires_grad_()
    penalty = gradient_penalty(curved(), images(), fake)
    assert torch.autograd.grad(penalty, fake, allow_unused=True) == (None,)
