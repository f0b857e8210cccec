"""Muon: steps of matrices made orthogonal, and Adam's steps for everything else."""

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn

from mrigen.training.runtime import whole_products

# Coefficients of Jordan's iteration, which brings all singular values near 1 in five rounds.
LINEAR, CUBIC, QUINTIC, ROUNDS = 3.4445, -4.7750, 2.0315, 5
# The root mean square of Adam's steps in units of the learning rate, as it is found in practice.
_STEP = 0.2
# Smaller than this, a matrix is as well served by Adam's steps.
_LEAST_ROWS, _LEAST_COLUMNS = 32, 256


class Muon(torch.optim.Adam):
    """Orthogonalised momentum for the kernels of convolutions, Adam for the other weights.

    A kernel counts as a matrix with a row for each channel that it answers with. Its steps are
    scaled so that both kinds of weights move alike, and one learning rate serves both.

    Parameters
    ----------
    parameters
        The weights. Kernels of at least 32 rows and 256 columns are moved by orthogonal steps.
    lr, betas, eps, weight_decay
        As of `torch.optim.AdamW`; the weight decay is decoupled.
    momentum
        Of the matrices, which are looked at one step ahead (Nesterov).

    References
    ----------
    Jordan et al. 2024, https://kellerjordan.github.io/posts/muon; scale of the steps: Liu et al.
    2025, doi:10.48550/arXiv.2502.16982
    """

    def __init__(
        self,
        parameters: Iterable[nn.Parameter],
        lr: float,
        *,
        betas: tuple[float, float],
        eps: float,
        weight_decay: float,
        momentum: float = 0.95,
    ) -> None:
        self.momentum = momentum
        super().__init__(
            parameters,
            lr,
            betas=betas,
            eps=eps,
            weight_decay=weight_decay,
            fused=True,
            decoupled_weight_decay=True,
        )

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> Any:
        """Move all weights that have a gradient; kernels that count as matrices lose theirs."""
        with whole_products():
            for group in self.param_groups:
                for weights in group["params"]:
                    if weights.grad is not None and is_matrix(weights):
                        self._move(weights, weights.grad, group["lr"], group["weight_decay"])
                        weights.grad = None  # Adam leaves weights without a gradient alone
        return super().step(closure)

    def _move(self, weights: Tensor, gradient: Tensor, rate: float, decay: float) -> None:
        state = self.state[weights]
        if not state:
            # Adam expects of every state that it counts its steps.
            state["step"] = torch.zeros((), dtype=torch.float32)
            state["momentum"] = torch.zeros_like(weights)
        state["step"] += 1
        momentum = state["momentum"].lerp_(gradient, 1 - self.momentum)
        ahead = gradient.lerp(momentum, self.momentum)
        step = orthogonalised(ahead.flatten(1)).reshape(weights.shape)
        scale = _STEP * max(len(weights), weights[0].numel()) ** 0.5
        weights.mul_(1 - rate * decay).add_(step, alpha=-rate * scale)


def orthogonalised(matrix: Tensor) -> Tensor:
    """Return a matrix with the same singular vectors, and singular values near 1.

    All rounds of the iteration are polynomials of the one matrix of products of rows. They are
    taken on that small square, and the long rows are multiplied twice in place of ten times.

    Parameters
    ----------
    matrix : (rows, columns) float32

    Returns
    -------
    (rows, columns) float32

    References
    ----------
    Amsel et al. 2025, doi:10.48550/arXiv.2505.16932, "Fast polynomial iteration for rectangular
    matrices"
    """
    tall = matrix.shape[0] > matrix.shape[1]
    x: Tensor = matrix.T if tall else matrix
    x = x / x.norm().clamp(min=1e-7)
    # Not in bfloat16: what rounding makes negative here grows twelvefold with every round.
    gram = x @ x.T
    product = factor = _factor(gram)
    for _ in range(ROUNDS - 1):
        gram = factor @ gram @ factor
        factor = _factor(gram)
        product = factor @ product
    answer: Tensor = product @ x
    return answer.T if tall else answer


def _factor(gram: Tensor) -> Tensor:
    """Return what a round multiplies the rows by."""
    factor: Tensor = torch.addmm(gram, gram, gram, beta=CUBIC, alpha=QUINTIC)
    factor.diagonal().add_(LINEAR)
    return factor


def is_matrix(weights: Tensor) -> bool:
    """Return whether weights are a kernel that is moved by orthogonal steps."""
    is_kernel = weights.ndim > 2
    return is_kernel and len(weights) >= _LEAST_ROWS and weights[0].numel() >= _LEAST_COLUMNS
