"""Penalties on the slope of a discriminator, which keep the game from running away."""

from collections.abc import Callable

import torch
from torch import Tensor


def zero_centred_penalty(logits: Tensor, images: Tensor) -> Tensor:
    """Return the mean squared norm of the logits' slope: R1 at real images, R2 at generated.

    Parameters
    ----------
    logits : (N,)
        Of `images`, with their graph.
    images : (N, 1, H, W)
        They require gradients.

    Returns
    -------
    () float32, ready for a second derivative

    Notes
    -----
    Where batch normalisation couples the images, the slope is that of the sum of all logits and
    not of each image's own.

    References
    ----------
    Mescheder et al. 2018, doi:10.48550/arXiv.1801.04406
    """
    return _slope(logits, images).square().sum(1).mean()


def gradient_penalty(judge: Callable[[Tensor], Tensor], real: Tensor, fake: Tensor) -> Tensor:
    """Return how far the critic's slope is from one, between real and generated images.

    Parameters
    ----------
    judge
        Maps (N, 1, H, W) images to (N,) logits, each image for itself.
    real, fake : (N, 1, H, W)
        The ends of the lines on which one point each is drawn from torch's default generator.

    Returns
    -------
    () float32, ready for a second derivative: mean of (norm - 1)^2

    References
    ----------
    Gulrajani et al. 2017, doi:10.48550/arXiv.1704.00028
    """
    share = torch.rand(len(real), 1, 1, 1, device=real.device)
    points = torch.lerp(real.detach().float(), fake.detach().float(), share).requires_grad_()
    # The norm's own slope at zero is zero here, where a square root would give NaN.
    norms = torch.linalg.vector_norm(_slope(judge(points), points), dim=1)
    penalty: Tensor = (norms - 1).square().mean()
    return penalty


def _slope(logits: Tensor, images: Tensor) -> Tensor:
    # Summed in float32: a slope has one entry per pixel.
    slope: Tensor = torch.autograd.grad(logits.float().sum(), images, create_graph=True)[0]
    return slope.float().flatten(1)
